/** `models`: every model of the mesh, its state, size and speed, and where it is, and what this node left out. */

import type { ModelList } from '../../../units/model.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'
import { speedOf } from './speed.ts'
import { whereOf } from './where.ts'

export async function run({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<ModelList>('model.list')

  output.data(data, () => {
    const rows = data.items.map(({ id, type, status, size, providers }) => [
      id,
      type,
      status,
      size === null ? '-' : bytes(size),
      speedOf(providers),
      providers.map(whereOf).join(', ')
    ])
    const offered =
      rows.length === 0
        ? 'No device of the mesh offers a model.'
        : output.table(['MODEL', 'TASK', 'STATE', 'SIZE', 'SPEED', 'WHERE'], rows)
    if (data.left_out.length === 0) return offered
    const leftOut = data.left_out.map(({ place, model_id, reason }) => [place, model_id ?? '-', reason])
    return `${offered}\n\n${output.table(['NOT SERVED', 'MODEL', 'REASON'], leftOut)}`
  })
}
