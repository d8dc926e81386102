/** Weights by content address: the store of this device, and what its owner does with it. */

import * as z from 'zod'
import { MemorySize } from '../../interface/amounts.ts'
import type { Weights } from '../../interface/weights.ts'
import { WEIGHT_TABLES } from '../../storage/weights/schema.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { Path } from '../settings/values.ts'
import { WEIGHT_EVENTS } from './events.ts'
import { originSettings } from './origins/settings.ts'
import { publicSettings } from './public/settings.ts'
import { copySettings } from './replication/settings.ts'

export const weights: FeatureDeclaration<Weights> = {
  name: 'weights',
  domain: 'model',
  settings: z.strictObject({
    directory: Path.nullable()
      .default(null)
      .describe('Where weights are kept, such as on a larger disk. Default: `weights` in the home.'),
    diskMax: MemorySize.nullable()
      .default(null)
      .describe('What they may take, such as `200GB` or `50%` of the disk. Default: what the disk has.'),
    copies: copySettings,
    origins: originSettings,
    public: publicSettings
  }),
  events: WEIGHT_EVENTS,
  tables: WEIGHT_TABLES,
  create: async components => (await import('./weights.ts')).WeightsFeature.of(components)
}
