/**
 * Dials the addresses of a peer at staggered starts (RFC 8305); the first connection wins, and the others end. libp2p
 * dials one address after the other and waits for each in full, so a few dead ones cost half a minute.
 *
 * libp2p has no setting for it. The method of its dial queue that dials one peer is replaced, so that every dial of this
 * node goes this way, those of the DHT too, and the queue goes on to join dials of one peer.
 */

import type { Connection, PeerId, PeerStore } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock, Timer } from '../../interface/clock.ts'
import { Deadline } from './deadline.ts'

/** RFC 8305 recommends it: longer than a round trip in most networks, and short for a person. */
export const STAGGER_MS = 250
/**
 * A peer that has taken a connection gets so long alone: two connections at the same time cost both sides twice, and one
 * is closed. A stranger that took it, and is silent, holds up the next address no longer.
 */
const HANDSHAKE_ALONE_MS = 2000
/** A packet of the worst link may be lost twice on the way to a connection. */
export const ADDRESS_TIMEOUT_MS = 6000

/** How the dial of an address ended: it was silent, it refused or another device is there, or its handshake broke. */
type Ending = 'silent' | 'refused' | 'broken'

export class DialFailedError extends AggregateError {
  readonly endings: ReadonlySet<Ending>

  constructor(errors: readonly unknown[], endings: ReadonlySet<Ending>, addresses: Iterable<string>) {
    super(errors, `Could not connect to ${[...addresses].join(', ')}.`)
    this.endings = endings
  }

  /** No address led to a device: the peer is off, or a firewall drops what is sent to it. */
  get isSilent(): boolean {
    return this.endings.has('silent') && !this.endings.has('broken')
  }
}

/** Of libp2p's dial queue, what is replaced and what is used. */
interface DialQueue {
  dialPeer(job: DialJob, signal: AbortSignal): Promise<Connection>
  calculateMultiaddrs(
    peerId: PeerId | undefined,
    addresses: Set<string>,
    options: object
  ): Promise<{ multiaddr: Multiaddr }[]>
}

interface DialJob {
  readonly peerId?: PeerId
  /** Another dial of the same peer joins this one, and adds its addresses. */
  readonly multiaddrs: Set<string>
  readonly onProgress?: (event: Event) => void
}

interface Libp2pParts {
  readonly peerStore: PeerStore
  readonly transportManager: {
    dial(
      address: Multiaddr,
      options: { signal: AbortSignal; onProgress(event: Event): void }
    ): Promise<Connection>
  }
  readonly connectionManager: { readonly dialQueue: DialQueue }
}

export interface StaggerOptions {
  readonly clock: Clock
  readonly addressesMax: number
  /** The other side gives a handshake so long. */
  readonly handshakeMs: number
  /** Best first. */
  order(addresses: readonly Multiaddr[]): Multiaddr[]
}

/** To be called before libp2p starts. */
export function staggerDials(libp2p: unknown, options: StaggerOptions): void {
  const { components } = libp2p as { components: Libp2pParts }
  const { dialQueue } = components.connectionManager
  dialQueue.dialPeer = async (job, signal) => {
    const connection = await new Race(components, options, job, signal).run()
    // An address that worked is remembered, whatever named it.
    await components.peerStore
      .merge(connection.remotePeer, { multiaddrs: [connection.remoteAddr] })
      .catch(() => {})
    return connection
  }
}

/** One dial of one peer. */
class Race {
  readonly #parts: Libp2pParts
  readonly #options: StaggerOptions
  readonly #job: DialJob
  readonly #signal: AbortSignal
  readonly #ended = new AbortController()
  readonly #won = Promise.withResolvers<Connection>()
  readonly #errors: unknown[] = []
  readonly #endings = new Set<Ending>()
  readonly #tried = new Set<string>()
  #waiting: Multiaddr[] = []
  #underWay = 0
  #winner: Connection | undefined
  #timer: Timer | undefined

  constructor(parts: Libp2pParts, options: StaggerOptions, job: DialJob, signal: AbortSignal) {
    this.#parts = parts
    this.#options = options
    this.#job = job
    this.#signal = signal
  }

  async run(): Promise<Connection> {
    const onAbort = () => this.#won.reject(this.#signal.reason)
    this.#signal.addEventListener('abort', onAbort, { once: true })
    // It may be rejected while the addresses are still loaded, when nothing waits for it.
    this.#won.promise.catch(() => {})
    try {
      this.#signal.throwIfAborted()
      await this.#load()
      this.#next()
      return await this.#won.promise
    } finally {
      this.#signal.removeEventListener('abort', onAbort)
      this.#timer?.cancel()
      this.#ended.abort()
    }
  }

  /** What the caller gave, or what the peer store and the DHT know when it gave nothing. */
  async #load(): Promise<void> {
    const { peerId, multiaddrs } = this.#job
    const given = new Set(multiaddrs)
    multiaddrs.clear()
    const { dialQueue } = this.#parts.connectionManager
    const found = await dialQueue.calculateMultiaddrs(peerId, given, { signal: this.#signal })
    const fresh = found.map(({ multiaddr: address }) => address)
    this.#waiting = this.#options.order([
      ...this.#waiting,
      ...fresh.filter(a => !this.#tried.has(a.toString()))
    ])
  }

  /** Starts the next address, and its successor a while later. */
  #next(): void {
    this.#timer?.cancel()
    if (this.#ended.signal.aborted) return
    if (this.#job.multiaddrs.size > 0) {
      void this.#load().then(
        () => this.#next(),
        err => this.#won.reject(err)
      )
      return
    }
    const address = this.#tried.size < this.#options.addressesMax ? this.#waiting.shift() : undefined
    if (address !== undefined) {
      this.#tried.add(address.toString())
      void this.#attempt(address)
      this.#nextIn(STAGGER_MS)
    } else if (this.#underWay === 0) {
      this.#won.reject(new DialFailedError(this.#errors, this.#endings, this.#tried))
    } else {
      // Another dial may join this one, and bring addresses.
      this.#nextIn(STAGGER_MS)
    }
  }

  #nextIn(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.setTimer(() => this.#next(), delayMs)
  }

  async #attempt(address: Multiaddr): Promise<void> {
    this.#underWay++
    const { clock, handshakeMs } = this.#options
    let answeredMs: number | undefined
    using deadline = new Deadline(clock, ADDRESS_TIMEOUT_MS, this.#ended.signal)
    try {
      const connection = await this.#parts.transportManager.dial(address, {
        ...this.#job,
        signal: deadline.signal,
        onProgress: event => {
          this.#job.onProgress?.(event)
          if (answeredMs !== undefined || event.type !== 'upgrader:encrypt-outbound-connection') return
          answeredMs = clock.monotonicMs()
          this.#nextIn(HANDSHAKE_ALONE_MS)
        }
      })
      if (this.#winner === undefined && !this.#ended.signal.aborted) {
        this.#winner = connection
        this.#won.resolve(connection)
      } else if (connection !== this.#winner) {
        connection.abort(new Error('Another address of this peer was faster.'))
      }
    } catch (err) {
      this.#errors.push(err)
      if (answeredMs === undefined) this.#endings.add(deadline.signal.aborted ? 'silent' : 'refused')
      else this.#endings.add(clock.monotonicMs() - answeredMs < handshakeMs ? 'refused' : 'broken')
    } finally {
      this.#underWay--
      if (this.#winner === undefined) this.#next()
    }
  }
}
