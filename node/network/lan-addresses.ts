/**
 * What mDNS says, before it counts. Every device on the LAN can answer in the name of any peer, and where an
 * answer came from is not known here. So its addresses must be ones that a LAN has: an answer must not make
 * this node connect to the internet, or look a name up.
 */

import { BlockList, isIPv6 } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import type { PeerDiscovery, PeerInfo } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

/** As many as an entry of the peer store holds. */
const ADDRESSES_MAX = 20
/** A LAN address holds an IP and a port; a zone for link-local ones; the peer. */
const PARTS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'ip6zone', 'tcp', 'p2p'])

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
  for (const { cidr } of Object.values(interfaces).flatMap(infos => infos ?? [])) {
    const [network, prefix] = cidr?.split('/') ?? []
    if (network !== undefined) near.addSubnet(network, Number(prefix), familyOf(network))
  }
  return addresses.filter(address => isNear(address, near)).slice(0, ADDRESSES_MAX)
}

function isNear(address: Multiaddr, near: BlockList): boolean {
  const parts = address.getComponents()
  const ip = parts.find(({ name }) => name === 'ip4' || name === 'ip6')?.value
  if (ip === undefined || parts.some(({ name }) => !PARTS.has(name))) return false
  return near.check(ip, familyOf(ip))
}

const familyOf = (ip: string): 'ipv4' | 'ipv6' => (isIPv6(ip) ? 'ipv6' : 'ipv4')

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
