/** The local networks of this device, as far as waking needs them: IPv4, because a device that sleeps answers no neighbour discovery. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { BlockList } from 'node:net'
import type { NetworkInterfaceInfo } from 'node:os'
import { MACS_MAX } from '../../protocols/wake/index.ts'
import type { Interfaces } from '../network/address-order.ts'

/** Discard, which no service answers: what the field uses for magic packets. */
const WAKE_PORT = 9
/** More networks than a device has; hosts of many containers have more bridges. */
const LINKS_MAX = 16

export interface Lan {
  /** Hardware addresses of the cards that are up: those burnt in come first, then those that a system made up. */
  macs(): Uint8Array[]
  /** Whether one of these IPv4 addresses is in a network of this device. */
  holds(addresses: readonly string[]): boolean
  /** Broadcasts to each network of this device. @returns how many packets left. */
  broadcast(packets: readonly Uint8Array[]): Promise<number>
}

export function lanOf(interfaces: () => Interfaces, port = WAKE_PORT): Lan {
  const links = () =>
    Object.values(interfaces())
      .flatMap((infos = []) => infos)
      .filter(({ family, internal, mac }) => family === 'IPv4' && !internal && bytesOf(mac).some(Boolean))
      .slice(0, LINKS_MAX)
  return {
    macs: () =>
      [...new Set(links().map(({ mac }) => mac))]
        .map(bytesOf)
        .sort((a, b) => isMadeUp(a) - isMadeUp(b))
        .slice(0, MACS_MAX),
    holds(addresses) {
      const networks = new BlockList()
      for (const { cidr } of links()) {
        const [network, prefix] = cidr?.split('/') ?? []
        if (network !== undefined) networks.addSubnet(network, Number(prefix), 'ipv4')
      }
      return addresses.some(address => networks.check(address, 'ipv4'))
    },
    async broadcast(packets) {
      const sent = await Promise.allSettled(links().map(link => sendOn(link, packets, port)))
      return sent.reduce((sum, one) => sum + (one.status === 'fulfilled' ? one.value : 0), 0)
    }
  }
}

/** Bound to the address of the link, so that the packets leave by it and by no default route. */
async function sendOn(
  { address, netmask }: NetworkInterfaceInfo,
  packets: readonly Uint8Array[],
  port: number
): Promise<number> {
  const socket = createSocket('udp4')
  try {
    const bound = once(socket, 'listening')
    socket.bind(0, address)
    await bound
    socket.setBroadcast(true)
    for (const packet of packets)
      await new Promise<void>((resolve, reject) => {
        socket.send(packet, port, broadcastOf(address, netmask), err => (err ? reject(err) : resolve()))
      })
    return packets.length
  } finally {
    socket.close()
  }
}

function broadcastOf(address: string, netmask: string): string {
  const mask = netmask.split('.').map(Number)
  return address
    .split('.')
    .map((part, i) => Number(part) | (~mask[i]! & 0xff))
    .join('.')
}

const bytesOf = (mac: string): Uint8Array =>
  Uint8Array.from(mac.split(':'), part => Number.parseInt(part, 16))

/** Bridges and randomized addresses of Wi-Fi set this bit. */
const isMadeUp = (mac: Uint8Array): number => mac[0]! & 2
