/** What devices that offer models are found by in the DHT of a mesh. */

import type { Capability } from '../../interface/manifest.ts'
import { TASK_NAMES } from '../../interface/tasks/index.ts'
import { capabilityKey, taskKey } from '../network/dht-keys.ts'
import type { Wanted } from './provider-view.ts'

/** Of this device: tasks first, for they are few. */
export function ownKeys(mesh: string, capabilities: readonly Capability[]): string[] {
  const tasks = new Set(capabilities.map(({ task }) => task))
  return [
    ...[...tasks].map(task => taskKey(mesh, task)),
    ...capabilities.map(({ task, model }) => capabilityKey(mesh, task, model))
  ]
}

/** Where the task is not stated, the model is looked for under each that there is. */
export function wantedKeys(mesh: string, { task, model }: Wanted): string[] {
  if (model === undefined) return task === undefined ? [] : [taskKey(mesh, task)]
  return (task === undefined ? TASK_NAMES : [task]).map(one => capabilityKey(mesh, one, model))
}
