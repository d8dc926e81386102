/**
 * Which addresses of an answer count. Every device on the network can answer in the name of any peer, so its
 * addresses must be ones that a local network has: an answer must not make this node connect to the internet, or look
 * a name up.
 */

import { BlockList } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Interfaces, isLinkLocal } from '../address-order.ts'
import { contains, familyOf, isReachable } from '../stated-addresses.ts'
import { type Link, zoneOf } from './links.ts'

/** As many as an entry of the peer store holds. */
const ADDRESSES_MAX = 20
/** Networks that are local wherever they are. */
const LOCAL = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['fc00::', 7],
  ['fe80::', 10]
] as const

const PLACE = /^(?:\/ip6zone\/[^/]+)?\/(ip4|ip6)\/([^/]+)\/tcp\/([1-9]\d*)$/

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
  // An address of this machine is stated by this machine alone.
  const loopback = link.kind === 'loopback'
  return addresses
    .flatMap(address => placeOf(address, link) ?? [])
    .filter(({ address }) => isReachable(address, loopback) && contains(near, address))
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

/** Written anew of its IP and port: an address that holds more is none of a local network. */
function placeOf(address: Multiaddr, link: Link): { ip: string; address: Multiaddr } | undefined {
  const [, family, ip, port] = PLACE.exec(address.toString()) ?? []
  if (ip === undefined) return undefined
  // A zone is a name of this device's own: another device's is dropped, and the link of the arrival is put there.
  const zone = family === 'ip6' && isLinkLocal(ip) ? `/ip6zone/${zoneOf(link)}` : ''
  return { ip, address: multiaddr(`${zone}/${family}/${ip}/tcp/${port}`) }
}
