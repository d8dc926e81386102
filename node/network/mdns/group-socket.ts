/**
 * The multicast group of one family: one socket that hears it on every link that was joined, and sends on one link
 * at a time.
 *
 * One socket, because the kernel copies each packet of the group to every socket that is bound to its port. On Linux it
 * is bound to the group itself, so no packet that is sent to this device alone arrives here, and none that the
 * system's own mDNS waits for is taken from it.
 */

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Family, type Link, zoneOf } from './links.ts'

const MDNS_PORT = 5353
const GROUPS: Readonly<Record<Family, string>> = { IPv4: '224.0.0.251', IPv6: 'ff02::fb' }
/** Of RFC 6762. A packet that came over a router has less. */
const TTL = 255
/** Linux allows twenty memberships to a socket: with more links, other sockets hold theirs. Eight hold 160. */
const SOCKETS_MAX = 8
/** Packets that wait to be sent. Each of 128 links has a question and an answer. */
const WAITING_MAX = 256

/** One family of multicast; a test brings its own. */
export interface Group {
  /**
   * Does nothing when it is open.
   *
   * @throws {Error} with the code of the system: `EADDRINUSE` when another program holds the port alone.
   */
  open(onPacket: (bytes: Buffer, source: string) => void): Promise<void>
  /** Called again and again: an interface that was made anew has lost its membership. Returns whether it is a new one. */
  join(link: Link): boolean
  send(bytes: Uint8Array, link: Link): Promise<void>
  close(): void
}

export class GroupSocket implements Group {
  readonly #family: Family
  #socket: Socket | undefined
  /** They hear nothing; the kernel gives the packets of their groups to the first. */
  #holders: Socket[] = []
  #sent: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(family: Family) {
    this.#family = family
  }

  async open(onPacket: (bytes: Buffer, source: string) => void): Promise<void> {
    if (this.#socket !== undefined) return
    const socket = this.#create()
    socket.on('message', (bytes, { address }: RemoteInfo) => onPacket(bytes, address))
    const bound = once(socket, 'listening')
    try {
      const address = process.platform === 'linux' && this.#family === 'IPv4' ? GROUPS.IPv4 : undefined
      socket.bind({ port: MDNS_PORT, address, exclusive: true })
      await bound
      socket.setMulticastTTL(TTL)
      socket.setMulticastLoopback(true)
    } catch (err) {
      socket.close()
      throw err
    }
    // A socket that reports an error later is of no more use; the next look opens another.
    socket.on('error', () => this.close())
    socket.unref()
    this.#socket = socket
  }

  join(link: Link): boolean {
    for (let i = 0; i < SOCKETS_MAX; i++) {
      const socket = i === 0 ? this.#opened : (this.#holders[i - 1] ?? this.#addHolder())
      try {
        socket.addMembership(GROUPS[this.#family], interfaceOf(link))
        return true
      } catch (err) {
        const { code } = err as NodeJS.ErrnoException
        if (code === 'EADDRINUSE') return false
        if (code !== 'ENOBUFS') throw err
      }
    }
    // Interfaces that are gone for good still have their places.
    this.close()
    return false
  }

  /** One after the other, because the interface that a packet leaves by is a property of the socket. */
  send(bytes: Uint8Array, link: Link): Promise<void> {
    if (this.#waiting >= WAITING_MAX)
      return Promise.reject(new Error(`${WAITING_MAX} packets wait to be sent`))
    this.#waiting++
    const sent = this.#sent.then(() => this.#sendNow(bytes, link)).finally(() => this.#waiting--)
    this.#sent = sent.catch(() => {})
    return sent
  }

  #sendNow(bytes: Uint8Array, link: Link): Promise<void> {
    const socket = this.#opened
    socket.setMulticastInterface(interfaceOf(link))
    const group = GROUPS[this.#family]
    const to = this.#family === 'IPv4' ? group : `${group}%${zoneOf(link)}`
    return new Promise((resolve, reject) => {
      socket.send(bytes, MDNS_PORT, to, err => (err ? reject(err) : resolve()))
    })
  }

  close(): void {
    const socket = this.#socket
    this.#socket = undefined
    for (const holder of this.#holders) holder.close()
    this.#holders = []
    // A later error of it concerns nothing here.
    socket?.removeAllListeners('error').on('error', () => {})
    socket?.close()
  }

  get #opened(): Socket {
    if (this.#socket === undefined) throw new Error('The socket of the group is closed.')
    return this.#socket
  }

  #create(): Socket {
    const type = this.#family === 'IPv4' ? 'udp4' : 'udp6'
    return createSocket({ type, reuseAddr: true, ipv6Only: type === 'udp6' })
  }

  #addHolder(): Socket {
    const holder = this.#create().on('error', () => {})
    holder.unref()
    this.#holders.push(holder)
    return holder
  }
}

const interfaceOf = (link: Link): string => (link.family === 'IPv4' ? link.address : `::%${zoneOf(link)}`)
