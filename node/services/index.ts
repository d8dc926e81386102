/** Services: which models the settings want here, and the names by which requests mean them. */

import { SERVICE_EVENTS, type Services } from '../../interface/services.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { servicesSettings } from '../weights/resources/index.ts'
import { SERVICE_TABLES } from './kept.ts'

type ServiceEvents = typeof SERVICE_EVENTS
declare module '../../interface/events.ts' {
  interface EventSchemas extends ServiceEvents {}
}

export { chosenFor } from './chosen.ts'

export const services: FeatureDeclaration<Services> = {
  name: 'services',
  domain: 'service',
  settings: servicesSettings.describe(
    'Services by name, each with its models (`model`, `runtime`, and `rknn_device`, `dataset`, `source`, `devices`, `batch_size`, `optimization`), `enabled`, `default_model` and `env`; or a list of known names, such as `[clip, chat]`. See `docs/services.md`. `lumos-node init` writes them.'
  ),
  events: SERVICE_EVENTS,
  tables: SERVICE_TABLES,
  begins: ['model.pull', 'model.quantize'],
  create: async components => (await import('./services.ts')).ServicesFeature.of(components)
}
