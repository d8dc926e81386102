/** `leave`: back to a mesh of this device alone. */

import type { MeshInfo } from '../../interface/mesh.ts'
import { findNode } from '../client.ts'
import type { Invocation } from '../program.ts'
import { confirm } from '../prompt.ts'

interface LeaveOptions {
  readonly yes?: boolean
}

export async function run({ options, output }: Invocation<LeaveOptions>): Promise<void> {
  const node = findNode(options)
  const { name } = (await node.execute<MeshInfo>('mesh.show')).data
  await confirm(`Leave the mesh "${name}"? Only an invitation brings this device back.`, options.yes)
  const { data } = await node.execute<MeshInfo>('mesh.leave')
  output.data(data, () => `This device has left "${name}", and is in a mesh of its own now.`)
}
