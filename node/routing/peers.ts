/**
 * The peers of this node: those that said hello, those that were lost, how far each is, and the way to have each
 * answer.
 */

import type { Connection, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../../interface/clock.ts'
import { PeerUnreachableError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { PeerInfo } from '../../interface/node.ts'
import { INFERENCE_PROTOCOL, InferenceClient } from '../../protocols/inference/index.ts'
import { INFERENCE_STREAMS_OUTBOUND_MAX } from '../../protocols/wire/limits.ts'
import type { ProviderTable } from '../manifests/index.ts'
import type { MeshLibp2p } from '../network/libp2p.ts'
import { manifestAddresses } from '../network/stated-addresses.ts'

/** What a peer said last may reach us, through others, this long after it is gone. */
export const NEWS_UNDER_WAY_MS = 5000

/** As many as the provider table knows. */
const LOST_MAX = 4096

export interface PeersComponents {
  readonly libp2p: MeshLibp2p
  readonly table: ProviderTable
  readonly clock: Clock
  /** By its certificate. */
  nameOf(peerId: string): string | undefined
  isDuplicated(peerId: string): boolean
  onJoined(peerId: string): void
  onLeft(peerId: string): void
}

interface Introduced {
  /** Reading it takes longer than finding the connection, which each request asks for. */
  readonly id: PeerId
  /** Round trip of the first hello; `null` where the other side dialed. */
  readonly rttMs: number | null
}

export class Peers {
  readonly #components: PeersComponents
  readonly #introduced = new Map<string, Introduced>()
  /** Connected once, then not any more, since when: not asked until a newer manifest of theirs comes. */
  readonly #lost = new Map<string, number>()
  readonly #clients = new Map<string, InferenceClient>()

  constructor(components: PeersComponents) {
    this.#components = components
    components.libp2p.addEventListener('peer:disconnect', event => this.#leave(event.detail.toString()))
  }

  /** The peer said hello on a connection that is still open. */
  introduce(peerId: string, rttMs: number | undefined): void {
    const known = this.#introduced.get(peerId)
    this.#lost.delete(peerId)
    const id = known?.id ?? peerIdFromString(peerId)
    this.#introduced.set(peerId, { id, rttMs: rttMs ?? known?.rttMs ?? null })
    if (known === undefined) this.#components.onJoined(peerId)
  }

  /** A newer manifest of the peer came by way of others: it lives. */
  heardOf(peerId: string): void {
    const lostAtMs = this.#lost.get(peerId)
    if (lostAtMs === undefined) return
    if (this.#components.clock.monotonicMs() - lostAtMs > NEWS_UNDER_WAY_MS) this.#lost.delete(peerId)
  }

  isLost(peerId: string): boolean {
    return this.#lost.has(peerId)
  }

  isConnected(peerId: string): boolean {
    return this.#introduced.has(peerId)
  }

  get count(): number {
    return this.#introduced.size
  }

  rttMs(peerId: string): number | null {
    return this.#connection(peerId)?.rtt ?? this.#introduced.get(peerId)?.rttMs ?? null
  }

  list(): PeerInfo[] {
    const { table, clock, nameOf, isDuplicated } = this.#components
    return [...this.#introduced.keys()].flatMap(peerId => {
      const connection = this.#connection(peerId)
      const signed = table.get(peerId, clock.monotonicMs())
      const name = nameOf(peerId)
      if (connection === undefined || name === undefined) return []
      return {
        peerId,
        name,
        path: pathOf(connection),
        address: connection.remoteAddr.toString(),
        rttMs: this.rttMs(peerId),
        software: signed?.manifest.software ?? null,
        capabilities: signed?.manifest.capabilities ?? [],
        duplicated: isDuplicated(peerId)
      }
    })
  }

  /** The peer as an inference service; it is dialed when it is not connected. */
  client(peerId: string): InferenceClient {
    const known = this.#clients.get(peerId)
    if (known !== undefined) return known
    const client = new InferenceClient({
      clock: this.#components.clock,
      openStream: options => this.#openStream(peerId, options)
    })
    this.#clients.set(peerId, client)
    return client
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()]
    this.#clients.clear()
    await Promise.all(clients.map(client => client.close()))
  }

  /** What libp2p dials to reach it: it uses an open connection, and adds the addresses that it knows itself. */
  placeOf(peerId: string): Multiaddr[] | PeerId {
    const { libp2p, table, clock } = this.#components
    const signed = table.get(peerId, clock.monotonicMs())
    const stated = signed === undefined ? [] : manifestAddresses(signed.manifest, libp2p.getMultiaddrs())
    return stated.length > 0 && !this.isConnected(peerId) ? stated : peerIdFromString(peerId)
  }

  async #openStream(peerId: string, options?: AbortOptions) {
    try {
      return await this.#components.libp2p.dialProtocol(this.placeOf(peerId), INFERENCE_PROTOCOL, {
        ...options,
        maxOutboundStreams: INFERENCE_STREAMS_OUTBOUND_MAX
      })
    } catch (cause) {
      options?.signal?.throwIfAborted()
      if (!this.isConnected(peerId)) this.#lose(peerId)
      throw new PeerUnreachableError(`${peerId} cannot be reached.`, { cause })
    }
  }

  #leave(peerId: string): void {
    void this.#clients.get(peerId)?.close()
    this.#clients.delete(peerId)
    this.#lose(peerId)
    if (this.#introduced.delete(peerId)) this.#components.onLeft(peerId)
  }

  #lose(peerId: string): void {
    this.#lost.set(peerId, this.#components.clock.monotonicMs())
    if (this.#lost.size > LOST_MAX) this.#lost.delete(this.#lost.keys().next().value!)
  }

  #connection(peerId: string): Connection | undefined {
    const id = this.#introduced.get(peerId)?.id
    return id && this.#components.libp2p.getConnections(id)[0]
  }
}

/** Such as `tcp/tls`: what carries the bytes, and what hides them. */
function pathOf({ remoteAddr, encryption }: Connection): string {
  const transport = remoteAddr
    .getComponents()
    .map(({ name }) => name)
    .findLast(name => !name.startsWith('ip') && !name.startsWith('dns') && name !== 'p2p')
  const cipher = encryption?.split('/').find(part => part !== '')
  return `${transport ?? 'unknown'}/${cipher ?? 'none'}`
}
