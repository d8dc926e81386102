/**
 * What mDNS says, before it counts. Every device on the LAN can answer in the name of any peer, and where an
 * answer came from is not known here. So its addresses must be ones that a LAN has: an answer must not make
 * this node connect to the internet, or look a name up.
 */

import { BlockList } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import type { PeerDiscovery, PeerInfo } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { contains, familyOf, isStateable } from './stated-addresses.ts'

/** As many as an entry of the peer store holds. */
const ADDRESSES_MAX = 20

export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** Of `addresses`, those that are private, link-local, or in a network that this machine is in. */
export function lanAddresses(addresses: readonly Multiaddr[], interfaces: Interfaces): Multiaddr[] {
  const near = new BlockList()
  for (const [network, prefix] of [
    ['10.0.0.0', 8],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['169.254.0.0', 16],
    ['fc00::', 7],
    ['fe80::', 10]
  ] as const) {
    near.addSubnet(network, prefix, familyOf(network))
  }
  const infos = Object.values(interfaces).flatMap(found => found ?? [])
  for (const { cidr } of infos) {
    const [network, prefix] = cidr?.split('/') ?? []
    if (network !== undefined) near.addSubnet(network, Number(prefix), familyOf(network))
  }
  // On a machine without a network, mDNS answers come from the machine itself.
  const loopback = infos.every(({ internal }) => internal)
  return addresses
    .filter(address => isStateable(address, loopback) && contains(near, address))
    .slice(0, ADDRESSES_MAX)
}

/** The same service, whose peers have only addresses of a LAN; libp2p hears of no others. */
export const onLan =
  <C>(discovery: (components: C) => PeerDiscovery, interfaces: () => Interfaces) =>
  (components: C): PeerDiscovery => {
    const service = discovery(components)
    // The first listener: what it stops reaches no other.
    service.addEventListener('peer', event => {
      const peer: PeerInfo = event.detail
      peer.multiaddrs = lanAddresses(peer.multiaddrs, interfaces())
      if (peer.multiaddrs.length === 0) event.stopImmediatePropagation()
    })
    return service
  }
