/** `leave`: back to a mesh of this device alone. */

import type { MeshInfo } from '../../../interface/mesh.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { confirm } from '../../prompt.ts'

interface LeaveOptions {
  readonly newIdentity?: boolean
  readonly yes?: boolean
}

export async function run({ options, output }: Invocation<LeaveOptions>): Promise<void> {
  const node = findNode(options)
  const { name, role, members, device_name } = (await node.execute<MeshInfo>('mesh.show')).data
  const { newIdentity = false, yes } = options
  const cost = newIdentity ? ' Its key is destroyed, and the device is a new one.' : ''
  await confirm(`Leave the mesh "${name}"? Only an invitation brings this device back.${cost}`, yes)
  const { data } = await node.execute<MeshInfo>(newIdentity ? 'mesh.renew_identity' : 'mesh.leave')
  const said = newIdentity
    ? `This device has left "${name}". It is a new device now, in a mesh of its own; join again with a new code.`
    : `This device has left "${name}", and is in a mesh of its own now.`
  const listed = `Others list it as away until an admin of theirs removes it: lumos-node revoke ${device_name}`
  output.data(data, () => (role === null || members === 1 ? said : `${said}\n${listed}`))
}
