/**
 * Which addresses of an answer count. Every device on the network can answer in the name of any peer, so its
 * addresses must be ones that a local network has: an answer must not make this node connect to the internet, or look
 * a name up.
 */

import { BlockList, isIPv6 } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Interfaces, isLinkLocal, type Link, zoneOf } from './links.ts'

/** As many as an entry of the peer store holds. */
const ADDRESSES_MAX = 20
/** A local address holds an IP and a port; a zone for link-local ones; the peer. */
const PARTS: ReadonlySet<string> = new Set(['ip4', 'ip6', 'ip6zone', 'tcp', 'p2p'])
/** Networks that are local wherever they are. */
const LOCAL = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['fc00::', 7],
  ['fe80::', 10]
] as const

/** Where an answer came from. */
export interface Arrival {
  readonly link: Link
  readonly source: string
  readonly interfaces: Interfaces
}

/**
 * Of `addresses`, those that are private, link-local, or in a network that this device is in. The one that the answer
 * came from is first, then those of the same link: these are reached for sure.
 */
export function lanAddresses(addresses: readonly Multiaddr[], arrival: Arrival): Multiaddr[] {
  const { link, source, interfaces } = arrival
  const near = nearby(interfaces)
  const rank = (ip: string): number =>
    ip === source ? 0 : link.addresses.includes(ip) ? 3 : link.networks.check(ip, familyOf(ip)) ? 1 : 2
  return addresses
    .flatMap(address => {
      const ip = ipOf(address)
      return ip !== undefined && near.check(ip, familyOf(ip))
        ? [{ ip, address: zoned(address, ip, link) }]
        : []
    })
    .sort((a, b) => rank(a.ip) - rank(b.ip))
    .slice(0, ADDRESSES_MAX)
    .map(({ address }) => address)
}

function nearby(interfaces: Interfaces): BlockList {
  const near = new BlockList()
  for (const [network, prefix] of LOCAL) near.addSubnet(network, prefix, familyOf(network))
  for (const { cidr } of Object.values(interfaces).flatMap(infos => infos ?? [])) {
    const [network, prefix] = cidr?.split('/') ?? []
    if (network !== undefined) near.addSubnet(network, Number(prefix), familyOf(network))
  }
  return near
}

/** Undefined when the address holds something that no local address has. */
function ipOf(address: Multiaddr): string | undefined {
  const parts = address.getComponents()
  if (parts.some(({ name }) => !PARTS.has(name))) return undefined
  return parts.find(({ name }) => name === 'ip4' || name === 'ip6')?.value
}

/** A zone is a name of this device's own: another device's is dropped, and the link of the arrival is put there. */
function zoned(address: Multiaddr, ip: string, link: Link): Multiaddr {
  const bare = address.toString().replace(/^\/ip6zone\/[^/]*/, '')
  if (!isIPv6(ip) || !isLinkLocal(ip)) return multiaddr(bare)
  return multiaddr(`/ip6zone/${zoneOf(link)}${bare}`)
}

const familyOf = (ip: string): 'ipv4' | 'ipv6' => (isIPv6(ip) ? 'ipv6' : 'ipv4')
