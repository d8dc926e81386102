/** The engines of a device that open models on its disk. */

import * as z from 'zod'
import { HealthStatus } from './device.ts'

export const ENGINE_NAME = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9-]*$/, 'lower case letters, digits and - only')

export const EngineInfo = z.strictObject({
  name: z.string(),
  /** `builtin`: part of the package. `installable`: brought on request. */
  type: z.enum(['builtin', 'installable']),
  /** `absent`: not installed. `stopped`: its models are not served until it is started. */
  status: z.enum(['ready', 'absent', 'stopped']),
  /** Of what is installed; null where nothing is, and for what is part of the package. */
  version: z.string().nullable(),
  /** What it was installed for besides the processor. */
  accelerators: z.array(z.string()),
  /** Where it is installed. */
  path: z.string().nullable(),
  /** Those that it opens here. */
  models: z.array(z.string())
})
export type EngineInfo = z.infer<typeof EngineInfo>

/** Of the models that an engine serves on this device now: one that opens none here can do nothing here. */
export const EngineFeatures = z.strictObject({
  name: z.string(),
  tasks: z.array(z.string()),
  /** Whether answers of a task come in pieces. */
  supportsStreaming: z.boolean(),
  /** Requests that one of its models answers at once, at most. */
  maxConcurrent: z.int()
})
export type EngineFeatures = z.infer<typeof EngineFeatures>

/** Each throws {@link LumosError} `INVALID_INPUT` for an engine that this node does not know. */
export interface LumosEngine {
  list(): EngineInfo[]
  get(name: string): EngineInfo
  features(name: string): EngineFeatures
  /** Takes its files away; its models are left out. @throws {LumosError} `INVALID_INPUT` for one that is part of the package. */
  remove(name: string): Promise<EngineInfo>
  /** Serve its models again. */
  start(name: string): Promise<EngineInfo>
  /** Serve none of its models, also after a restart of the node. Requests under way end as they would have. */
  stop(name: string): Promise<EngineInfo>
  /** Its processes end, and new ones begin with the next request. */
  restart(name: string): Promise<EngineInfo>
}

const Named = z.strictObject({ engine: z.string() })
export const ENGINE_EVENTS = {
  'engine.installed': z.strictObject({ engine: z.string(), version: z.string() }),
  'engine.removed': Named,
  'engine.started': Named,
  'engine.stopped': Named,
  /** It could not load a model, or its process has ended in the middle of its work. */
  'engine.error': Named.extend({ modelId: z.string(), code: z.string(), message: z.string() }),
  /** `failing`: from an error until one of its models is loaded. */
  'engine.health_changed': Named.extend({ oldStatus: HealthStatus, newStatus: HealthStatus })
}
