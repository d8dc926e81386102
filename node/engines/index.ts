/** What an owner does with the engines of a device: install, remove, stop and start them. */

import type { CheckOptions, ProgramCheck } from '../../capabilities/engines/external/check.ts'
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

export type { ProgramCheck }

/** Whether a program keeps the protocol of external engines: each check, in order. It runs as this user, unconfined. */
export const checkProgram = async (options: CheckOptions): Promise<ProgramCheck[]> =>
  (await import('../../capabilities/engines/external/check.ts')).checkProgram(options)
