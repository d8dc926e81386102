/**
 * Which address of a device is likely to be reached, seen from this one: its own, which others dial, and those of
 * others, which it dials. Of bridges and tunnels the system says no more than their names.
 */

import { BlockList } from 'node:net'
import type { networkInterfaces } from 'node:os'
import type { Multiaddr } from '@multiformats/multiaddr'
import { familyOf } from './stated-addresses.ts'

export type Interfaces = ReturnType<typeof networkInterfaces>

/** What this device knows of its networks. */
export interface NetworkView {
  readonly interfaces: Interfaces
  /** Addresses from which packets leave by the default route, one a family. */
  readonly defaultSources: readonly string[]
}

/** Lower is better. A tunnel may lead to the peer; a bridge of containers or virtual machines leads into this device. */
const RANK = {
  defaultLink: 0,
  link: 1,
  linkLocal: 2,
  /** In none of the networks of this device. */
  routed: 3,
  tunnel: 4,
  bridge: 5,
  loopback: 6,
  /** No IP. */
  other: 7
}

const TUNNEL = /^(?:tun|tap|utun|wg|tailscale|zt|ppp|ipsec|gpd|nordlynx|proton|cscotun|ham)/i
/** `br0` is left out: it is what an administrator calls the bridge that holds the cable. */
const BRIDGE =
  /^(?:docker|br-|virbr|veth|vnet|lxc|lxdbr|incusbr|podman|cni|flannel|cali|kube|vmnet|vboxnet|bridge\d|vethernet|vmware|virtualbox)/i

const linkLocals = new BlockList()
linkLocals.addSubnet('169.254.0.0', 16, 'ipv4')
linkLocals.addSubnet('fe80::', 10, 'ipv6')

export const isLinkLocal = (ip: string): boolean => linkLocals.check(ip, familyOf(ip))

/** A function that sorts addresses, the most likely one first. Equal ones keep their order. */
export function addressOrder(view: NetworkView): (addresses: readonly Multiaddr[]) => Multiaddr[] {
  const networks = networksOf(view)
  const rankOf = (address: Multiaddr): number => {
    const ip = ipOf(address)
    if (ip === undefined) return RANK.other
    const within = networks.filter(({ own, list }) => own === ip || list.check(ip, familyOf(ip)))
    // A link-local network is on every link. Only an address of this device's own says on which.
    const exact = within.find(({ own }) => own === ip)
    if (isLinkLocal(ip)) return Math.max(RANK.linkLocal, exact?.rank ?? RANK.linkLocal)
    const [closest] = within.toSorted((a, b) => b.prefix - a.prefix || a.rank - b.rank)
    return (exact ?? closest)?.rank ?? RANK.routed
  }
  return addresses =>
    addresses
      .map(address => ({ address, rank: rankOf(address) }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ address }) => address)
}

export function ipOf(address: Multiaddr): string | undefined {
  return address.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')?.value
}

interface OwnNetwork {
  readonly own: string
  readonly prefix: number
  readonly list: BlockList
  readonly rank: number
}

function networksOf({ interfaces, defaultSources }: NetworkView): OwnNetwork[] {
  return Object.entries(interfaces).flatMap(([name, infos = []]) => {
    const leads = infos.some(({ address }) => defaultSources.includes(address))
    return infos.map(({ address, cidr, internal, mac }) => {
      const prefix = Number(cidr?.split('/')[1] ?? (familyOf(address) === 'ipv4' ? 32 : 128))
      const list = new BlockList()
      list.addSubnet(address, prefix, familyOf(address))
      return { own: address, prefix, list, rank: internal ? RANK.loopback : rankOfLink(name, mac, leads) }
    })
  })
}

function rankOfLink(name: string, mac: string, leads: boolean): number {
  if (BRIDGE.test(name)) return RANK.bridge
  // What carries no frames has no hardware address.
  if (TUNNEL.test(name) || /^[0:]+$/.test(mac)) return RANK.tunnel
  return leads ? RANK.defaultLink : RANK.link
}
