/**
 * Where a peer may say that it is. Its word makes other nodes connect there, so an address of this machine, a
 * socket file, a name to be looked up or a relay does not count, whatever states it: a manifest, mDNS or identify.
 * A public or private IP counts, because members may be anywhere. The handshake proves which peer is there.
 */

import { BlockList, isIPv6 } from 'node:net'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Manifest } from '../../interface/manifest.ts'

/**
 * One IP and one port; the peer. Of a second IP it would depend on the transport which one is dialed. A zone is the name
 * of an interface of the device that reads it, so no other device can state one. A simulated network has places in memory.
 */
const FORM = /^(?:(?:ip4|ip6)\/tcp|memory)(?:\/p2p)?$/

export const loopbacks = new BlockList()
loopbacks.addSubnet('127.0.0.0', 8, 'ipv4')
loopbacks.addAddress('::1', 'ipv6')

/** Unspecified addresses lead to this machine, and the others to no single device. */
const nowhere = new BlockList()
nowhere.addSubnet('0.0.0.0', 8, 'ipv4')
nowhere.addSubnet('224.0.0.0', 3, 'ipv4')
nowhere.addAddress('::', 'ipv6')
nowhere.addSubnet('ff00::', 8, 'ipv6')

/** @param loopback whether addresses of this machine count. */
function isStateable(address: Multiaddr, loopback: boolean): boolean {
  const form = address.getComponents().map(({ name }) => name)
  if (!FORM.test(form.join('/'))) return false
  return !contains(nowhere, address) && (loopback || !contains(loopbacks, address))
}

/** A link-local place with the zone that this node put there, when an answer came by that link. */
export function isReachable(address: Multiaddr, loopback: boolean): boolean {
  const [first, ...rest] = address.getComponents()
  return isStateable(first?.name === 'ip6zone' ? multiaddr(rest) : address, loopback)
}

/** Loopback counts between nodes of one machine that listen nowhere else. */
export const listensOnLoopbackAlone = (own: readonly Multiaddr[]): boolean =>
  own.every(address => contains(loopbacks, address))

/**
 * The addresses of a manifest that lead to its peer.
 *
 * @param own where this node listens.
 */
export function manifestAddresses({ peerId, addresses }: Manifest, own: readonly Multiaddr[]): Multiaddr[] {
  const loopback = listensOnLoopbackAlone(own)
  return addresses
    .filter(address => address.endsWith(`/p2p/${peerId}`))
    .flatMap(readable)
    .filter(address => isStateable(address, loopback))
}

/** The schema of manifests does not know every transport there is; a peer may write what it likes. */
function readable(address: string): Multiaddr[] {
  try {
    return [multiaddr(address)]
  } catch {
    return []
  }
}

/** Whether the IP of an address is in `list`; an address without an IP is in none. */
export function contains(list: BlockList, address: Multiaddr): boolean {
  const ip = address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')?.value
  return ip !== undefined && list.check(ip, familyOf(ip))
}

export const familyOf = (ip: string): 'ipv4' | 'ipv6' => (isIPv6(ip) ? 'ipv6' : 'ipv4')
