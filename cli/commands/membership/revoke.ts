/** `revoke`: removes a device from the mesh. */

import type { MemberInfo } from '../../../interface/mesh.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { confirm } from '../../prompt.ts'

interface RevokeOptions {
  readonly yes?: boolean
}

export async function run({ args, options, output }: Invocation<RevokeOptions>): Promise<void> {
  const [peer] = args as [string]
  const node = findNode(options)
  await confirm(`Remove ${peer} from the mesh? It cannot come back with the same key.`, options.yes)
  const { data } = await node.execute<MemberInfo>('mesh.revoke', { peer })
  output.data(data, () => `${data.name} (${data.peer_id}) was removed from the mesh.`)
}
