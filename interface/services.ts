/** Services: a name such as `clip` by which requests mean the model that a device has chosen for it. */

import * as z from 'zod'
import { ModelId } from './names.ts'

export const SERVICE_NAME = z
  .string()
  .regex(/^[A-Za-z0-9][\w.-]{0,62}$/, '1 to 63 letters, digits and ._- only')

/**
 * `ready`: loaded here. `cold`: loaded by its first request. `fetching`: a job brings it. `absent`: it is not here.
 * `failed`: it could not be brought or opened. `disabled`: its owner has stopped the service. `elsewhere`: the
 * configuration means other devices.
 */
export const ServiceState = z.enum(['ready', 'cold', 'fetching', 'absent', 'failed', 'disabled', 'elsewhere'])
export type ServiceState = z.infer<typeof ServiceState>

export const ServiceModelInfo = z.strictObject({
  /** As the configuration calls it, such as `default`. */
  alias: z.string(),
  modelId: ModelId,
  runtime: z.string(),
  state: ServiceState,
  /** Why it is not served; null where it is, or will be. */
  reason: z.string().nullable(),
  /** The job that brings it. */
  jobId: z.string().nullable()
})
export type ServiceModelInfo = z.infer<typeof ServiceModelInfo>

/** A service of this device, as it is configured or was created. */
export const ServiceInfo = z.strictObject({
  id: z.string(),
  /** Of its default model. */
  modelId: ModelId,
  status: ServiceState,
  origin: z.enum(['settings', 'created']),
  models: z.array(ServiceModelInfo)
})
export type ServiceInfo = z.infer<typeof ServiceInfo>

/** What another device states of its services: a claim, which is shown and decides nothing. */
export interface StatedService {
  readonly peerId: string
  readonly id: string
  readonly modelId: string
}

/** What opens the files of a model; `device` of `rknn` is in the configuration. */
export const ServiceRuntime = z.enum(['onnx', 'torch', 'gguf', 'external'])
/** A ref of `models pull` that is not of this device's disk. */
export const ServiceSource = z
  .string()
  .regex(/^(?:hf|ms|ollama|ipfs|https?):\S{1,1024}$/, 'expected a source such as hf:OWNER/NAME')

export interface NewService {
  readonly id: string
  readonly modelId: string
  readonly runtime?: string | undefined
  readonly source?: string | undefined
}

/** Each that takes an id throws {@link LumosError} `SERVICE_NOT_FOUND` for a service that this device does not have. */
export interface Services {
  list(): ServiceInfo[]
  get(id: string): ServiceInfo
  stated(): StatedService[]
  /** Kept over restarts. @throws {LumosError} `INVALID_INPUT` for a name that is taken. */
  create(service: NewService): ServiceInfo
  /** @throws {LumosError} `INVALID_INPUT` for one of the settings. */
  delete(id: string): void
  /** Its models are brought and served from now on, also after a restart. */
  start(id: string): ServiceInfo
  /** Its name answers no more, and models that no other service has are not served. */
  stop(id: string): ServiceInfo
  /** So many devices are to hold its default model; for events. */
  scaled(id: string, replicas: number): void
}

const Named = z.strictObject({ serviceId: z.string() })
export const SERVICE_EVENTS = {
  'service.created': z.strictObject({ service: ServiceInfo }),
  'service.scaled': Named.extend({ replicas: z.int() }),
  'service.failed': Named.extend({ error: z.string() })
}
