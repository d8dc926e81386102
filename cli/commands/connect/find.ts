/** `connect --find`: the gateways that say on the local networks that they are there. No token goes to one of them. */

import { networkInterfaces } from 'node:os'
import { systemClock } from '../../../interface/clock.ts'
import { FIND_MS, findGateways } from '../../../node/network/mdns/gateway-finder.ts'
import { GroupSocket } from '../../../node/network/mdns/group-socket.ts'
import type { Output } from '../../output.ts'

const NONE =
  'No gateway is heard on these networks. One is where gateway.host of a node is not loopback, and gateway.hosts lists its names.'

export async function find(output: Output): Promise<void> {
  const groups = { IPv4: new GroupSocket('IPv4'), IPv6: new GroupSocket('IPv6') }
  // Neither the sockets nor the timers of a node keep a process.
  const alive = setTimeout(() => {}, 2 * FIND_MS)
  const items = await findGateways({ groups, clock: systemClock, interfaces: networkInterfaces }).finally(
    () => clearTimeout(alive)
  )
  output.data({ items }, () =>
    items.length === 0
      ? NONE
      : [
          output.table(
            ['GATEWAY', 'FROM', 'DEVICE'],
            items.map(({ url, address, id }) => [url, address, id])
          ),
          'Any device of a network can say so. A token for it, on that device: lumos-node token create NAME'
        ].join('\n')
  )
}
