/** `peers`: the connected devices, and what they offer. */

import type { PeerInfo } from '../../../interface/node.ts'
import { duplicatedNote } from '../../../node/doctor/duplicated.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { milliseconds } from '../../quantities.ts'

export async function run({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<{ items: PeerInfo[] }>('mesh.peers')

  output.data(data, () => {
    if (data.items.length === 0)
      return 'No peer is connected. To let a device in: lumos-node invite. If one should be here: lumos-node doctor'
    const rows = data.items.map(({ name, peer_id, path, rtt_ms, software, capabilities }) => [
      name,
      peer_id,
      path,
      rtt_ms === null ? '–' : milliseconds(rtt_ms),
      software === null
        ? '(no manifest yet)'
        : [...new Set(capabilities.map(({ model }) => model))].join(', ')
    ])
    const table = output.table(['NAME', 'PEER ID', 'PATH', 'RTT', 'MODELS'], rows)
    return [table, ...duplicatedNote(data.items)].join('\n')
  })
}
