/**
 * TCP that knows zones. A link-local IPv6 address, the only one on a cable between two devices, is reached through one
 * interface, its zone: `/ip6zone/eth0/ip6/fe80::1/tcp/5867`. libp2p's TCP drops the zone when it dials, and drops
 * connections that come from such an address.
 */

import type { Server, Socket } from 'node:net'
import type { Listener, Transport } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'

type Factory = (components: unknown) => Transport

export const zonedTcp = (): Factory => components => {
  const transport = (tcp() as Factory)(components)
  const dial = transport.dial.bind(transport)
  transport.dial = (address, options) => {
    const parts = address.getComponents()
    const zone = parts.find(({ name }) => name === 'ip6zone')?.value
    const ip = parts.find(({ name }) => name === 'ip6')?.value
    // What stands in the options goes before what stands in the address.
    return dial(address, zone === undefined ? options : Object.assign({}, options, { host: `${ip}%${zone}` }))
  }
  const createListener = transport.createListener.bind(transport)
  transport.createListener = options => {
    const listener = createListener(options)
    serverOf(listener).prependListener('connection', dropZone)
    return listener
  }
  return transport
}

const serverOf = (listener: Listener): Server => (listener as unknown as { server: Server }).server

function dropZone(socket: Socket): void {
  const [address, zone] = socket.remoteAddress?.split('%') ?? []
  if (zone !== undefined) Object.defineProperty(socket, 'remoteAddress', { value: address })
}
