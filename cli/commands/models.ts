/** `models`: every model of the mesh, and who offers it. */

import type { ModelInfo } from '../../interface/node.ts'
import { findNode } from '../client.ts'
import type { Invocation } from '../invocation.ts'

export async function run({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ items: ModelInfo[] }>('model.list')

  output.data(data, () => {
    if (data.items.length === 0) return 'No device of the mesh offers a model.'
    const rows = data.items.map(({ model, task, providers }) => [
      model,
      task,
      providers.map(({ name, route }) => (route === 'local' ? `${name} (here)` : name)).join(', ')
    ])
    return output.table(['MODEL', 'TASK', 'PROVIDERS'], rows)
  })
}
