/**
 * What has an address: each resource is what a query answers, and may be read and watched by those who may ask it.
 *
 * A watcher gets a change soon after the events of its row, and in any case after its period.
 */

export interface Resource {
  /** What follows `lumos://`; names in braces are fields of the input of its unit. */
  readonly pattern: string
  /** Other spellings of it. */
  readonly aliases?: readonly string[]
  readonly unit: string
  /** Names of events, or their beginnings, after which it may be another. */
  readonly events: readonly string[]
  /** For how long it may be old where no event says that it changed. */
  readonly everyMs: number
}

/** Of what events tell: this is for what they leave out, such as round trips. */
const TOLD_MS = 10_000
/** Of a measure, which a person watches. */
const MEASURED_MS = 2000

const MODELS = ['model.*', 'manifest.updated', 'peer.*']
const MEMORY_OF_MODELS = ['resource.*', 'model.*']

const told = (pattern: string, unit: string, events: readonly string[], ...aliases: string[]): Resource => ({
  pattern,
  unit,
  events,
  everyMs: TOLD_MS,
  aliases
})
const measured = (pattern: string, unit: string, events: readonly string[]): Resource => ({
  ...told(pattern, unit, events),
  everyMs: MEASURED_MS
})

export const RESOURCES: readonly Resource[] = [
  told('devices', 'device.list', ['device.detected']),
  told('device/{device_id}/info', 'device.info', ['device.detected']),
  measured('device/{device_id}/metrics', 'device.metrics', []),
  told('device/{device_id}/health', 'device.health', ['device.*', 'node.*']),

  told('models', 'model.list', MODELS, 'models/registry'),
  told('model/{model_id}', 'model.get', MODELS),
  told('inference/models', 'inference.models', MODELS),

  told('engines', 'engine.list', ['engine.*'], 'engines/status'),
  told('engine/{name}', 'engine.get', ['engine.*', 'model.*']),

  measured('resource/status', 'resource.status', MEMORY_OF_MODELS),
  measured('resource/budget', 'resource.budget', MEMORY_OF_MODELS),
  told('resource/allocations', 'resource.allocations', MEMORY_OF_MODELS),

  told('services', 'service.list', ['service.*', ...MODELS]),
  told('service/{service_id}', 'service.get', ['service.*', ...MODELS]),

  told('mesh', 'mesh.show', ['mesh.*']),
  measured('mesh/status', 'mesh.status', ['node.*', 'mesh.*', 'peer.*']),
  measured('node/status', 'node.status', ['node.*']),
  told('mesh/peers', 'mesh.peers', ['peer.*', 'manifest.updated']),
  told('mesh/members', 'mesh.members', ['mesh.*', 'peer.*']),
  told('mesh/nearby', 'mesh.nearby', ['mesh.*']),
  told('mesh/requests', 'mesh.requests', ['mesh.*']),
  told('mesh/discovery', 'mesh.discovery', ['peer.*', 'mesh.seen']),

  told('jobs', 'job.list', ['job.*']),
  told('job/{job_id}', 'job.show', ['job.*']),

  told('memory', 'memory.list', []),
  told('memory/{space}', 'memory.status', []),

  told('requests', 'inference.requests', ['inference.*']),
  told('request/{id}', 'inference.explain', ['inference.*'])
]
