/** `mesh rename`: another name for the mesh, on every device. */

import type { MeshInfo } from '../../../interface/mesh.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

export async function run({ args, options, output }: Invocation): Promise<void> {
  const [name] = args as [string]
  const { data } = await findNode(options).execute<MeshInfo>('mesh.rename', { name })
  output.data(data, () => `The mesh is called "${data.name}" now.`)
}
