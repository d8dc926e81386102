/**
 * Bounds what peers can hold that have not shown that they are members: sockets without a byte, handshakes that never
 * end, keys made up by the thousand.
 *
 * When a bound is reached, the connection that has waited longest is closed, never the new one. A member shows its
 * certificate within a round trip or two, so a flood pushes out strangers and keeps no member out.
 */

import type {
  Connection,
  ConnectionGater,
  Libp2pEvents,
  MultiaddrConnection,
  PeerId,
  TypedEventTarget
} from '@libp2p/interface'
import { LumosError } from '../../interface/errors.ts'

/** Connections whose peer has not proved its key. A handshake takes 15 ms, a second on a busy small board. */
const PENDING_MAX = 64
/** From one address: an office behind one router that comes back at once. */
const PENDING_PER_ADDRESS_MAX = 32
/** Connections of peers that have not shown a certificate. A hello takes a few round trips. */
const STRANGERS_MAX = 32
/** Two that dial each other at the same moment have two connections; a third has no use. */
const CONNECTIONS_PER_PEER_MAX = 2

interface Pending {
  readonly connection: MultiaddrConnection
  readonly host: string
}

/** What it needs of libp2p, whose gater it is part of. */
export interface LimitedNetwork extends TypedEventTarget<Libp2pEvents> {
  getConnections(peer?: PeerId): Connection[]
}

export class ConnectionLimits {
  readonly #isMember: (peerId: string) => boolean
  /** By the address of the other end: in the order in which they came. */
  readonly #pending = new Map<string, Pending>()
  readonly #strangers = new Set<Connection>()

  constructor(isMember: (peerId: string) => boolean) {
    this.#isMember = isMember
  }

  readonly gater: ConnectionGater = {
    denyInboundConnection: connection => {
      this.#wait(connection)
      return false
    },
    denyInboundUpgradedConnection: (_peer, connection) => {
      this.#pending.delete(connection.remoteAddr.toString())
      return false
    }
  }

  /** To be called once, before the network starts. */
  watch(network: LimitedNetwork): void {
    network.addEventListener('connection:open', ({ detail: connection }) => {
      const [oldest, ...others] = network.getConnections(connection.remotePeer)
      if (others.length >= CONNECTIONS_PER_PEER_MAX) oldest!.abort(tooMany('connections of one peer'))
      if (connection.direction === 'inbound') this.#quarantine(connection)
    })
  }

  #wait(connection: MultiaddrConnection): void {
    const host = hostOf(connection)
    // Not a network: a simulation inside one process.
    if (host === undefined) return
    const address = connection.remoteAddr.toString()
    connection.addEventListener('close', () => {
      if (this.#pending.get(address)?.connection === connection) this.#pending.delete(address)
    })
    this.#pending.set(address, { connection, host })

    const sameHost = [...this.#pending.values()].filter(pending => pending.host === host)
    if (sameHost.length > PENDING_PER_ADDRESS_MAX)
      sameHost[0]!.connection.abort(tooMany('pending connections'))
    else if (this.#pending.size > PENDING_MAX) {
      this.#pending.values().next().value!.connection.abort(tooMany('pending connections'))
    }
  }

  #quarantine(connection: Connection): void {
    this.#strangers.add(connection)
    connection.addEventListener('close', () => this.#strangers.delete(connection))
    for (const waiting of this.#strangers) {
      if (this.#isMember(waiting.remotePeer.toString())) this.#strangers.delete(waiting)
    }
    if (this.#strangers.size <= STRANGERS_MAX) return
    this.#strangers.values().next().value!.abort(tooMany('strangers'))
  }
}

const hostOf = ({ remoteAddr }: MultiaddrConnection): string | undefined =>
  remoteAddr.getComponents().find(({ name }) => name === 'ip4' || name === 'ip6')?.value

const tooMany = (what: string): LumosError => new LumosError('OVERLOADED', `Too many ${what}.`)
