/**
 * Keeps this node connected: dials peers that mDNS and the DHT find, those of an earlier run, and the addresses of the
 * settings; redials lost peers, ever more slowly.
 *
 * libp2p does not connect to a peer that it finds, and its event for a found peer fires only for one that it never
 * knew; both are mended here.
 */

import type { Address, PeerId, PeerInfo, PeerUpdate } from '@libp2p/interface'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Clock, Random, Timer } from '../../interface/clock.ts'
import type { Logger, Startable } from '../../interface/lifecycle.ts'
import { outcomeOf } from './dial-outcome.ts'
import { bareOf, dialAt, dialById, peerIdOf } from './dial-to.ts'
import type { LanReport } from './lan-report.ts'
import type { MeshLibp2p } from './libp2p.ts'
import { BACKOFF_MS, redialAfterMs } from './redial.ts'
import { SightedDials } from './sighted-dials.ts'

/** A peer just seen on the LAN is dialed again at once, but not faster than this when dialing fails. */
const SIGHTING_DIAL_INTERVAL_MS = 2000
/**
 * Two that see each other do so at the same moment. The one with the greater id
 * waits for the other's dial this long, two handshakes of a busy small board, so
 * that they do not pay for two connections and keep both.
 */
const YIELD_MS = 600
/** On one LAN everyone connects to everyone up to half of what a node may hold, so that others can still reach it. */
const CONNECTIONS_WANTED = 64
/** Peers that others told of are dialed only up to this: twice what gossip needs. The rest are dialed when asked. */
const CONNECTIONS_WANTED_BY_HEARSAY = 16
/** Peers to redial; beyond any mesh of devices that one group of people owns. */
export const TARGETS_MAX = 1024

/** Dials of a peer that was only ever sighted; another sighting begins anew. */
const FAILURES_SIGHTED_MAX = 5

interface Target {
  /** What to hand to libp2p: a PeerId whose addresses it keeps, or addresses that it may not know. */
  dial: () => PeerId | Multiaddr[]
  failures: number
  /** Its addresses come from a sighting, which anybody can forge. */
  sighted: boolean
  /** It is known only by sightings: neither from the settings nor from an earlier run, and never accepted. */
  unproven: boolean
  /** Whether the peer was accepted since it was last dialed. */
  met: boolean
  dialing: boolean
  lastDialAtMs: number
  /** When it is dialed next. */
  dueMs: number
  timer?: Timer
}

export interface DiscoveryComponents {
  readonly libp2p: MeshLibp2p
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Multiaddrs from the settings. */
  readonly addresses: readonly string[]
  readonly report?: LanReport
  /** Whether a peer is worth a connection: not one of another mesh, say. */
  wants(peerId: string): boolean
}

export class Discovery implements Startable {
  readonly #components: DiscoveryComponents
  readonly #targets = new Map<string, Target>()
  readonly #sightedDials = new SightedDials()
  readonly #stopped = new AbortController()

  constructor(components: DiscoveryComponents) {
    this.#components = components
  }

  async start(): Promise<void> {
    const { libp2p, addresses } = this.#components
    libp2p.addEventListener('peer:discovery', this.#onHearsay)
    libp2p.addEventListener('peer:disconnect', this.#onDisconnect)
    libp2p.addEventListener('self:peer:update', this.#onSelf)

    for (const address of addresses) this.#dialSoon(this.#target(address, dialAt([multiaddr(address)])), 0)
    for (const { id, addresses: known } of await libp2p.peerStore.all()) {
      if (known.length > 0 && !id.equals(libp2p.peerId)) {
        this.#dialSoon(this.#targetOf(id), this.#components.random() * BACKOFF_MS)
      }
    }
  }

  stop(): void {
    this.#stopped.abort()
    this.#components.libp2p.removeEventListener('peer:discovery', this.#onHearsay)
    this.#components.libp2p.removeEventListener('peer:disconnect', this.#onDisconnect)
    this.#components.libp2p.removeEventListener('self:peer:update', this.#onSelf)
    for (const target of this.#targets.values()) target.timer?.cancel()
  }

  /** A peer was seen just now, at these addresses. */
  sighted({ id, multiaddrs }: PeerInfo): void {
    const { libp2p, clock } = this.#components
    if (id.equals(libp2p.peerId) || this.#stopped.signal.aborted) return
    const target = this.#targets.get(id.toString()) ?? this.#targetOf(id, true)
    // The peer store holds none of a peer that was never met, and old ones of one that moved: these are
    // dialed until it is met, also when the first dial fails.
    const fresh = multiaddrs.map(address => bareOf(address).encapsulate(`/p2p/${id}`))
    if (fresh.length > 0) {
      target.dial = dialAt(fresh)
      target.sighted = true
    }
    if (libp2p.getConnections(id).length > 0) return
    const nowMs = clock.monotonicMs()
    const waitMs = Math.max(0, target.lastDialAtMs + SIGHTING_DIAL_INTERVAL_MS - nowMs)
    if (target.dueMs <= nowMs + waitMs && waitMs > 0) return
    if (waitMs === 0) target.lastDialAtMs = nowMs
    target.failures = 0
    this.#dialSoon(target, Math.max(waitMs, libp2p.peerId.toString() < id.toString() ? 0 : YIELD_MS))
  }

  /** The first manifest of a member says where it is: the DHT may have been asked before it knew of that member. */
  heardOf(peer: PeerInfo): void {
    if (peer.multiaddrs.length > 0 && !this.#targets.has(peer.id.toString())) this.#hear(peer)
  }

  #onHearsay = (event: CustomEvent<PeerInfo>): void => this.#hear(event.detail)

  #hear(peer: PeerInfo): void {
    if (this.#components.libp2p.getConnections().length < CONNECTIONS_WANTED_BY_HEARSAY) this.sighted(peer)
  }

  /** The peer was accepted, so its connection is worth having again when it is lost. */
  met(id: PeerId): void {
    const target = this.#targetOf(id)
    target.met = true
    target.sighted = false
    target.unproven = false
    target.failures = 0
    target.dial = dialById(id.toString())
  }

  /** A connection that ended before its peer was accepted counts as a failed dial: an overloaded peer is not dialed at once. */
  #onDisconnect = (event: CustomEvent<PeerId>): void => {
    if (this.#stopped.signal.aborted) return
    const target = this.#targetOf(event.detail)
    if (!target.met) target.failures++
    target.met = false
    this.#dialSoon(target, this.#backoffMs(target))
  }

  /** In another network than before, a peer that was out of reach may be near. */
  #onSelf = ({ detail: { peer, previous } }: CustomEvent<PeerUpdate>): void => {
    const textOf = (addresses: readonly Address[] = []) => addresses.map(({ multiaddr }) => multiaddr).join()
    if (previous === undefined || textOf(peer.addresses) === textOf(previous.addresses)) return
    for (const target of this.#targets.values()) {
      if (target.unproven || target.failures === 0) continue
      target.failures = 0
      this.#dialSoon(target, this.#backoffMs(target))
    }
  }

  #backoffMs({ failures }: Target): number {
    const away = [...this.#targets.values()].filter(one => one.failures > 0 && !one.unproven).length
    return redialAfterMs(failures, away, this.#components.random)
  }

  #targetOf(id: PeerId, unproven = false): Target {
    return this.#target(id.toString(), dialById(id.toString()), unproven)
  }

  #target(key: string, dial: Target['dial'], unproven = false): Target {
    const known = this.#targets.get(key)
    if (known !== undefined) return known
    const target: Target = {
      dial,
      failures: 0,
      sighted: false,
      unproven,
      met: false,
      dialing: false,
      lastDialAtMs: Number.NEGATIVE_INFINITY,
      dueMs: Number.POSITIVE_INFINITY
    }
    if (this.#targets.size >= TARGETS_MAX) this.#forgetOne()
    this.#targets.set(key, target)
    return target
  }

  /** The oldest that is unproven, so that sightings push out no peer that was accepted. */
  #forgetOne(): void {
    const all = [...this.#targets]
    const [key, target] = all.find(([, { unproven }]) => unproven) ?? all[0]!
    target.timer?.cancel()
    this.#targets.delete(key)
  }

  #dialSoon(target: Target, delayMs: number): void {
    const { clock } = this.#components
    target.timer?.cancel()
    target.dueMs = clock.monotonicMs() + delayMs
    target.timer = clock.setTimer(() => void this.#dial(target), delayMs)
  }

  #dialLater(target: Target): void {
    target.failures++
    // A peer of the settings, or one that was accepted, is dialed as long as this node runs: where no multicast
    // leads, nothing else brings it back. It costs a dial every few minutes.
    if (!target.unproven || target.failures < FAILURES_SIGHTED_MAX)
      this.#dialSoon(target, this.#backoffMs(target))
  }

  async #dial(target: Target): Promise<void> {
    const { libp2p, clock, log, wants, report } = this.#components
    target.dueMs = Number.POSITIVE_INFINITY
    const to = target.dial()
    const peerId = peerIdOf(to)
    if (target.dialing || this.#stopped.signal.aborted) return
    if (
      peerId !== undefined &&
      (!wants(peerId) || libp2p.getConnections().some(c => `${c.remotePeer}` === peerId))
    ) {
      return
    }
    if (libp2p.getConnections().length >= CONNECTIONS_WANTED) return

    if (target.sighted && Array.isArray(to) && !this.#sightedDials.take(to.length, clock.monotonicMs())) {
      this.#dialLater(target)
      return
    }
    target.dialing = true
    target.lastDialAtMs = clock.monotonicMs()
    target.timer?.cancel()
    if (peerId !== undefined) report?.dialed(peerId, 'dialing')
    try {
      const { remotePeer } = await libp2p.dial(to, { signal: this.#stopped.signal })
      report?.dialed(remotePeer.toString(), 'connected')
    } catch (err) {
      if (this.#stopped.signal.aborted) return
      if (peerId !== undefined) report?.dialed(peerId, outcomeOf(err))
      log.debug({ to: String(to), failures: target.failures, err }, 'could not dial')
      this.#dialLater(target)
    } finally {
      target.dialing = false
    }
  }
}
