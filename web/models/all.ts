/** The models of the mesh, each once, with all its tasks and devices. */

import { useMemo } from 'preact/hooks'
import { useUnit } from '../live.ts'
import type { Output } from '../node.ts'

type Listed = Output<'model.list'>['items'][number]
export type Provider = Listed['providers'][number]

export interface Model extends Omit<Listed, 'type' | 'name'> {
  readonly tasks: readonly string[]
}

/** The state of a model on another device is in its manifest, which comes some seconds later. */
const READ_EVERY_MS = 15_000
export const MODEL_EVENTS = ['model.', 'manifest.', 'peer.', 'mesh.']

/** `model.list` has a model once for each task. */
export function useModels() {
  const { data, error, reload } = useUnit('model.list', {}, { on: MODEL_EVENTS, everyMs: READ_EVERY_MS })
  const models = useMemo(() => data && joined(data.items), [data])
  return { models, leftOut: data?.left_out ?? [], error, reload }
}

function joined(items: readonly Listed[]): readonly Model[] {
  const byId = new Map<string, Model>()
  for (const { type, name: _, ...item } of items) {
    const known = byId.get(item.id)
    if (known === undefined) byId.set(item.id, { ...item, tasks: [type] })
    else {
      const others = item.providers.filter(one => known.providers.every(two => two.peer_id !== one.peer_id))
      const providers = [...known.providers, ...others]
      byId.set(item.id, { ...known, tasks: [...known.tasks, type], providers })
    }
  }
  return [...byId.values()]
}

/** Whether a device that has it hands on what it is asked to a server outside of the mesh. */
export const leavesMesh = ({ providers }: Pick<Model, 'providers'>): boolean =>
  providers.some(one => one.leaves_mesh)

/** The fastest that any device was measured at. */
export function speedOf({ providers }: Pick<Model, 'providers'>): number | null {
  const speeds = providers.flatMap(one => one.tokens_per_second ?? [])
  return speeds.length > 0 ? Math.max(...speeds) : null
}
