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

/** Where the task is not stated, devices of the first version are not found: they have no key of a model alone. */
export function wantedKeys(mesh: string, { task, model }: Wanted): string[] {
  if (model === undefined) return task === undefined ? [] : [taskKey(mesh, task)]
  return [task === undefined ? modelKey(mesh, model) : capabilityKey(mesh, task, model)]
}
