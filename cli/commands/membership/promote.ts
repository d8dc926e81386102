/** `promote`: makes a member an admin. */

import type { MemberInfo } from '../../../interface/mesh.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { confirm } from '../../prompt.ts'

interface PromoteOptions {
  readonly yes?: boolean
}

export async function run({ args, options, output }: Invocation<PromoteOptions>): Promise<void> {
  const [peer] = args as [string]
  const node = findNode(options)
  await confirm(
    `Make ${peer} an admin? An admin lets devices in, and removes members that are no admins.`,
    options.yes
  )
  const { data } = await node.execute<MemberInfo>('mesh.promote', { peer })
  output.data(data, () =>
    data.online
      ? `${data.name} is an admin of the mesh now.`
      : `${data.name} is an admin of the mesh once it has met this device again.`
  )
}
