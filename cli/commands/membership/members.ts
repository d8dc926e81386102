/** `members`: every device that belongs to the mesh. */

import type { MemberInfo } from '../../../interface/mesh.ts'
import { duplicatedNote } from '../../../node/doctor/duplicated.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

export async function run({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ items: MemberInfo[] }>('mesh.members')
  output.data(data, () =>
    [
      output.table(
        ['NAME', 'PEER ID', 'ROLE', 'ONLINE', 'CERTIFICATE UNTIL'],
        data.items.map(({ name, peer_id, role, online, self, expires_at_ms }) => [
          self ? `${name} (here)` : name,
          peer_id,
          role,
          online ? 'yes' : 'no',
          day(expires_at_ms)
        ])
      ),
      ...duplicatedNote(data.items)
    ].join('\n')
  )
}

const day = (wallMs: number): string => new Date(wallMs).toISOString().slice(0, 10)
