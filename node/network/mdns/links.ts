/**
 * The links of this device that discovery asks on. A link is one network interface in one family: IPv4 and IPv6 of
 * one cable are two links, because each has a group, a socket and failures of its own.
 */

import { BlockList, isIPv6 } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { type Interfaces, isLinkLocal } from '../address-order.ts'

export type Family = NetworkInterfaceInfo['family']

/**
 * More interfaces than a machine with many container networks has. The rest is not asked on. Those with IPv4 come
 * first: a host of containers lists one interface more for each of them, with a link-local IPv6 address only.
 */
const LINKS_MAX = 128

export interface Link {
  /** Of the interface. */
  readonly name: string
  readonly family: Family
  /** Packets leave from this one. */
  readonly address: string
  /** Number of the interface; 0 when no address of it says so. */
  readonly scopeId: number
  /** A tunnel carries no multicast, and what it leads to is no local network. */
  readonly kind: 'lan' | 'loopback' | 'tunnel'
  /** All addresses of the interface, of both families. */
  readonly addresses: readonly string[]
  /** The networks of this family that the interface is in. */
  readonly networks: BlockList
}

export const keyOf = ({ name, family }: Pick<Link, 'name' | 'family'>): string => `${name} ${family}`

export function linksOf(interfaces: Interfaces): Link[] {
  const all = Object.entries(interfaces).flatMap(([name, infos = []]) =>
    (['IPv4', 'IPv6'] as const).flatMap(family => linkOf(name, family, infos) ?? [])
  )
  // The loopback interface has IPv4 nearly everywhere, which is enough for nodes on one machine.
  const asked = all.filter(({ kind, family }) => kind !== 'loopback' || family === 'IPv4')
  return asked.sort((a, b) => rankOf(a) - rankOf(b)).slice(0, LINKS_MAX)
}

const rankOf = ({ family }: Link): number => (family === 'IPv4' ? 0 : 1)

function linkOf(name: string, family: Family, infos: readonly NetworkInterfaceInfo[]): Link | undefined {
  const own = infos.filter(info => info.family === family)
  // What is multicast in IPv6 leaves from the link-local address, where there is one.
  const from = own.find(({ address }) => isLinkLocal(address) && isIPv6(address)) ?? own[0]
  if (from === undefined) return undefined
  const networks = new BlockList()
  for (const { cidr } of own) {
    const [network, prefix] = cidr?.split('/') ?? []
    if (network !== undefined)
      networks.addSubnet(network, Number(prefix), family === 'IPv4' ? 'ipv4' : 'ipv6')
  }
  return {
    name,
    family,
    address: from.address,
    scopeId: infos.map(info => info.scopeid ?? 0).find(scopeId => scopeId > 0) ?? 0,
    kind: from.internal ? 'loopback' : /^[0:]+$/.test(from.mac) ? 'tunnel' : 'lan',
    addresses: infos.map(({ address }) => address),
    networks
  }
}

/** The zone of a link-local address on this link, as the system calls it. */
export const zoneOf = ({ name, scopeId }: Link): string =>
  process.platform === 'win32' ? `${scopeId}` : name

/**
 * The links that a packet from there may have arrived on; two links can be in networks with the same numbers. None, when
 * it came from another network.
 */
export function arrivedOn(links: readonly Link[], family: Family, source: string): Link[] {
  const [address, zone] = source.split('%') as [string, string?]
  return links.filter(
    link =>
      link.family === family &&
      (zone === undefined
        ? link.networks.check(address, family === 'IPv4' ? 'ipv4' : 'ipv6')
        : zoneOf(link) === zone)
  )
}
