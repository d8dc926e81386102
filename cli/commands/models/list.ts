/** `models`: every model of the mesh, who offers it, and what this node left out. */

import type { LeftOut, ModelInfo } from '../../../interface/node.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

interface Models {
  readonly items: ModelInfo[]
  readonly left_out: LeftOut[]
}

export async function run({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<Models>('model.list')

  output.data(data, () => {
    const rows = data.items.map(({ model, task, providers }) => [
      model,
      task,
      providers.map(({ name, route }) => (route === 'local' ? `${name} (here)` : name)).join(', ')
    ])
    const offered =
      rows.length === 0
        ? 'No device of the mesh offers a model.'
        : output.table(['MODEL', 'TASK', 'PROVIDERS'], rows)
    if (data.left_out.length === 0) return offered
    const leftOut = data.left_out.map(({ place, model, reason }) => [place, model ?? '-', reason])
    return `${offered}\n\n${output.table(['NOT SERVED', 'MODEL', 'REASON'], leftOut)}`
  })
}
