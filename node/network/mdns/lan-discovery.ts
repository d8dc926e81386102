/**
 * Finds peers on the local networks of this device: asks and answers on each link that is up, in both families, and
 * follows links as they come, go, change and are made anew.
 *
 * Whatever arrives here is a claim of any device of the network. It leads to a dial at an address of that network, in
 * which the peer has to prove its key, and to nothing else.
 */

import type { PeerInfo } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Packet } from 'dns-packet'
import type { Clock, Timer } from '../../../interface/clock.ts'
import type { Logger, Startable } from '../../../interface/lifecycle.ts'
import type { Interfaces } from '../address-order.ts'
import type { LanReport } from '../lan-report.ts'
import { type Asked, newlyAsked } from './asked-link.ts'
import type { GatewayAnswers } from './gateway-answers.ts'
import type { Group } from './group-socket.ts'
import { lanAddresses } from './lan-addresses.ts'
import { arrivedOn, type Family, keyOf, type Link, linksOf } from './links.ts'
import { concernsUs, readPacket, writePacket } from './packets.ts'
import { type PeerRecords, QUESTION } from './records.ts'
import { SourceRates } from './source-rates.ts'

/** A link that comes is asked on within the time a person waits. */
export const LOOK_INTERVAL_MS = 2000
/** A question that Wi-Fi lost is repeated, for a minute after a link came or changed. */
export const ASK_INTERVAL_MS = 5000
const ASKS_MAX = 12
/**
 * From then on this node announces itself, as every other does, and asks nothing: each question has an answer of each
 * peer, which is most of what an idle node would do.
 */
export const ANNOUNCE_INTERVAL_MS = 20_000
/** Of RFC 6762, for multicast. Questions that come sooner have one answer together. */
export const ANSWER_INTERVAL_MS = 1000
/** Where this node's own question arrives: the announcement that follows it answers all others of that moment. */
const ECHO_MS = 100

export interface LanDiscoveryParts {
  readonly groups: Readonly<Record<Family, Group>>
  readonly records: PeerRecords
  readonly gateway: GatewayAnswers
  readonly report: LanReport
  readonly clock: Clock
  readonly log: Logger
  interfaces(): Interfaces
  /** Where peers on that link reach this node, best first. */
  addressesOn(link: Link): Multiaddr[]
}

const FAMILIES: readonly Family[] = ['IPv4', 'IPv6']

export class LanDiscovery extends EventTarget implements Startable {
  readonly #parts: LanDiscoveryParts
  readonly #rates = new SourceRates()
  #asked = new Map<string, Asked>()
  #stopped = true
  #next: Timer | undefined

  constructor(parts: LanDiscoveryParts) {
    super()
    this.#parts = parts
  }

  async start(): Promise<void> {
    this.#stopped = false
    await this.#look()
  }

  /** Resolves when those who were told of the gateway are told that it is gone. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#next?.cancel()
    const { gateway, groups, report } = this.#parts
    const asked = [...this.#asked.values()]
    this.#asked = new Map()
    report.links = []
    for (const { answering } of asked) answering?.cancel()
    const goodbyes = asked.flatMap(({ link }) => {
      const packet = gateway.goodbye(link)
      return packet === undefined ? [] : groups[link.family].send(writePacket(packet), link)
    })
    // A link that is down takes none.
    await Promise.allSettled(goodbyes)
    for (const family of FAMILIES) groups[family].close()
  }

  async #look(): Promise<void> {
    this.#follow(linksOf(this.#parts.interfaces()))
    for (const family of FAMILIES) await this.#lookAt(family)
    if (this.#stopped) return
    this.#next = this.#parts.clock.setTimer(() => void this.#look(), LOOK_INTERVAL_MS)
  }

  /** From now on these are the links. What was done on those that stay is kept. */
  #follow(links: readonly Link[]): void {
    const before = this.#asked
    this.#asked = new Map(links.map(link => [keyOf(link), before.get(keyOf(link)) ?? newlyAsked(link)]))
    for (const [key, { answering }] of before) if (!this.#asked.has(key)) answering?.cancel()
    for (const link of links) {
      const asked = this.#asked.get(keyOf(link))!
      // Peers learn of another address at once.
      if (`${asked.link.addresses}` !== `${link.addresses}`) asked.state.askedMs = null
      asked.link = link
    }
    this.#parts.report.links = [...this.#asked.values()].map(({ state }) => state)
  }

  async #lookAt(family: Family): Promise<void> {
    const { groups, clock, log } = this.#parts
    const all = [...this.#asked.values()].filter(
      ({ link }) => link.family === family && link.kind !== 'tunnel'
    )
    if (all.length === 0) return
    const couldOpen = await groups[family]
      .open((bytes, source) => this.#onPacket(family, bytes, source))
      .then(() => undefined)
      .catch(err => err as NodeJS.ErrnoException)
    if (this.#stopped) return groups[family].close()

    for (const asked of all) {
      if (couldOpen !== undefined) {
        this.#failed(asked, couldOpen, couldOpen.code === 'EADDRINUSE' ? 'port-taken' : 'failed')
        continue
      }
      const { state, link } = asked
      try {
        const isNew = groups[family].join(link)
        if (state.state !== 'asking')
          log.info({ link: link.name, family }, 'peers are looked for on this link')
        state.state = 'asking'
        if (isNew || state.askedMs === null) asked.asks = 0
        const intervalMs = asked.asks < ASKS_MAX ? ASK_INTERVAL_MS : ANNOUNCE_INTERVAL_MS
        if (asked.asks === 0 || clock.monotonicMs() - state.askedMs! >= intervalMs) this.#ask(asked)
      } catch (err) {
        this.#failed(asked, err as Error, 'failed')
      }
    }
  }

  /** The announcement reaches peers whose answers a firewall of this device would drop. */
  #ask(asked: Asked): void {
    asked.state.askedMs = this.#parts.clock.monotonicMs()
    if (asked.asks++ < ASKS_MAX) this.#send(asked, QUESTION)
    this.#answer(asked)
  }

  #answer(asked: Asked): void {
    const { clock, records, addressesOn } = this.#parts
    asked.answering?.cancel()
    asked.answering = undefined
    asked.answeredMs = clock.monotonicMs()
    const addresses = addressesOn(asked.link)
    if (addresses.length > 0) this.#send(asked, records.answer(addresses))
  }

  #send(asked: Asked, packet: Packet | undefined): void {
    if (packet === undefined) return
    const { groups, clock } = this.#parts
    const { state, link } = asked
    groups[link.family].send(writePacket(packet), link).then(
      () => {
        state.sentMs = clock.monotonicMs()
        state.error = null
      },
      err => {
        if (this.#stopped) return
        state.error = (err as NodeJS.ErrnoException).code ?? (err as Error).message
        // The next look tries again.
        state.askedMs = null
      }
    )
  }

  #failed({ state, link }: Asked, err: NodeJS.ErrnoException, how: 'port-taken' | 'failed'): void {
    const { log } = this.#parts
    if (state.state !== how) {
      const why =
        how === 'failed'
          ? 'peers on this link are not found'
          : 'another program holds UDP port 5353 for itself: peers on this network are not found'
      log.warn({ link: link.name, family: link.family, err: err.message }, why)
    }
    state.state = how
    state.error = err.code ?? err.message
  }

  #onPacket(family: Family, bytes: Buffer, source: string): void {
    const { clock, records, gateway, report } = this.#parts
    const nowMs = clock.monotonicMs()
    const isOfPeers = concernsUs(bytes)
    if (!(isOfPeers || gateway.concerns(bytes)) || !this.#rates.take(source, nowMs)) return
    const packet = readPacket(bytes)
    if (packet === undefined) return
    const links = arrivedOn(
      [...this.#asked.values()].map(({ link }) => link),
      family,
      source
    )
    const asked = links.map(link => this.#asked.get(keyOf(link))!)
    const [first] = asked
    if (first === undefined) return

    const address = source.split('%')[0]!
    // With two cards in one network, what leaves by one arrives by the other, too.
    const isMine = [...this.#asked.values()].some(({ link }) => link.addresses.includes(address))
    if (!isMine) for (const { state } of asked) state.heardMs = nowMs
    if (packet.type === 'query')
      for (const each of asked) this.#send(each, gateway.answerTo(packet, each.link))
    if (!isOfPeers) return
    if (packet.type === 'query') {
      if (records.isQuestion(packet)) for (const each of asked) this.#asks(each, isMine, nowMs)
    } else if (!records.isOwn(packet)) {
      this.#sighted(records.peerIn(packet), first.link, address)
    } else if (!isMine) {
      report.sawCopy({ address, link: first.link.name })
    }
  }

  #asks(asked: Asked, isMine: boolean, nowMs: number): void {
    const { state, answeredMs, answering } = asked
    if (isMine && nowMs - (state.askedMs ?? Number.NEGATIVE_INFINITY) < ECHO_MS) return
    const waitMs = answeredMs + ANSWER_INTERVAL_MS - nowMs
    if (waitMs <= 0) this.#answer(asked)
    else asked.answering = answering ?? this.#parts.clock.setTimer(() => this.#answer(asked), waitMs)
  }

  #sighted(peer: PeerInfo | undefined, link: Link, source: string): void {
    const { interfaces, report } = this.#parts
    if (peer === undefined) return
    const multiaddrs = lanAddresses(peer.multiaddrs, { link, source, interfaces: interfaces() })
    if (multiaddrs.length === 0) return
    report.saw({ peerId: peer.id.toString(), address: `${multiaddrs[0]}`, link: link.name })
    this.dispatchEvent(new CustomEvent<PeerInfo>('peer', { detail: { id: peer.id, multiaddrs } }))
  }
}
