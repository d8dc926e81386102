/** What an owner does with the engines of a device: install, remove, stop and start them. */

import { ENGINE_EVENTS, type LumosEngine } from '../../interface/engines.ts'
import type { FeatureDeclaration } from '../feature.ts'

type EngineEvents = typeof ENGINE_EVENTS
declare module '../../interface/events.ts' {
  interface EventSchemas extends EngineEvents {}
}

export const engines: FeatureDeclaration<LumosEngine> = {
  name: 'engine',
  events: ENGINE_EVENTS,
  tables: {
    migrations: ['CREATE TABLE stopped (engine TEXT PRIMARY KEY) STRICT'],
    scopes: { stopped: 'home' }
  },
  create: async components => (await import('./engines.ts')).EnginesFeature.of(components)
}
