/** What devices that offer models are found by in the DHT of a mesh. */

import type { Capability } from '../../interface/manifest.ts'
import { capabilityKey, modelKey, taskKey } from '../network/dht-keys.ts'
import type { Wanted } from './provider-view.ts'

/** Of this device: tasks first, for they are few. */
export function ownKeys(mesh: string, capabilities: readonly Capability[]): string[] {
  const tasks = new Set(capabilities.map(({ task }) => task))
  return [
    ...[...tasks].map(task => taskKey(mesh, task)),
    ...new Set(capabilities.map(({ model }) => modelKey(mesh, model))),
    ...capabilities.map(({ task, model }) => capabilityKey(mesh, task, model))
  ]
}

/** Devices of the first version have no key of a model alone, and these tasks. */
const FIRST_TASKS = [
  'feature-extraction',
  'image-classification',
  'tensor',
  'text-generation',
  'text-ranking'
] as const

export function wantedKeys(mesh: string, { task, model }: Wanted): string[] {
  if (model === undefined) return task === undefined ? [] : [taskKey(mesh, task)]
  if (task !== undefined) return [capabilityKey(mesh, task, model)]
  return [modelKey(mesh, model), ...FIRST_TASKS.map(one => capabilityKey(mesh, one, model))]
}
