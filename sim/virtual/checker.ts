/**
 * Holds a virtual world to its promises while it runs: S is what must never
 * happen, L what must have happened some time after everything is healed. It
 * sees everything and believes nobody: what it compares with, it counts itself.
 */

import type { SignedManifest } from '../../interface/manifest.ts'
import { PEERS_MAX } from '../../node/manifests/provider-core.ts'
import type { ProvenRevocation } from '../../node/membership/removals.ts'
import { CONTINUATIONS_MAX } from '../../node/routing/continuation.ts'
import { DECISIONS_MAX } from '../../node/routing/decisions.ts'
import type { RouterEffect, RouterEvent, RouterState } from '../../node/routing/router-state.ts'
import { RECORDS_MAX } from '../../node/routing/track-record.ts'
import { ATTEMPTS_MAX } from '../../node/routing/turns.ts'
import { nodeOf } from './identities.ts'
import type { Life } from './life.ts'
import { chunksOf, textOf } from './messages.ts'
import { BrokenInvariant, type Invariant } from './promises.ts'
import { Queues } from './queues.ts'
import { Retries } from './retries.ts'
import type { World } from './world.ts'

interface Tracked {
  readonly node: number
  delivered: number
  /** To give the chunk that is next. */
  attempts: number
  continuations: number
  /** Attempts that gave a chunk. */
  readonly gave: Set<number>
  /** Attempts at peers that were not connected. */
  readonly toDial: Set<number>
}

export class Checker {
  readonly #world: World
  readonly #requests = new Map<number, Tracked>()
  /** By node: the newest number it accepted of each other node, as epoch and sequence. */
  readonly #accepted = new Map<number, { epochs: Float64Array; sequences: Float64Array }>()
  readonly #announced = new Map<number, number>()
  readonly #removals = new Map<number, Map<string, number>>()
  readonly #retries = new Retries()
  /** Requests that have ended, by what with; `ok` is a whole answer. */
  readonly outcomes = new Map<string, number>()

  constructor(world: World) {
    this.#world = world
  }

  readonly #watched = new Map<number, string | undefined>()

  /** Remember how this request, which is about to be made, ends. */
  watch(request: number): void {
    this.#watched.set(request, undefined)
  }

  outcomeOf(request: number): string | undefined {
    return this.#watched.get(request)
  }

  /** Requests that have not ended. */
  get open(): number {
    return this.#requests.size
  }

  // Requests.

  asked(node: number, request: number): void {
    this.#requests.set(request, {
      ...{ node, delivered: 0, attempts: 0, continuations: 0 },
      ...{ gave: new Set<number>(), toDial: new Set<number>() }
    })
  }

  delivered(
    node: number,
    request: number,
    { index, text, last }: { index: number; text: number; last: boolean }
  ): void {
    const tracked = this.#requests.get(request)
    if (tracked === undefined)
      throw broken('S3', `n${node} was given a chunk of request ${request} after its end`)
    if (index !== tracked.delivered || text !== textOf(request, index)) {
      throw broken(
        'S3',
        `n${node} was given chunk ${index} of request ${request} as number ${tracked.delivered}`
      )
    }
    tracked.delivered++
    tracked.attempts = 0
    tracked.toDial.clear()
    if (last !== (index === chunksOf(request)))
      throw broken('S3', `request ${request} of n${node} ended too early`)
    if (last) this.#ended(request, 'ok')
  }

  ended(node: number, request: number, code: string | undefined): void {
    // The end of a whole answer is its last chunk, which follows.
    if (code === undefined) return
    if (!this.#requests.has(request))
      throw broken('E1', `request ${request} of n${node} ended again, with ${code}`)
    this.#ended(request, code)
  }

  #ended(request: number, code: string): void {
    this.#requests.delete(request)
    this.outcomes.set(code, (this.outcomes.get(code) ?? 0) + 1)
    if (this.#watched.has(request)) this.#watched.set(request, code)
  }

  routerStepped(
    node: number,
    { records, requests, decisions }: RouterState,
    event: RouterEvent,
    effects: readonly RouterEffect[]
  ): void {
    if (records.size > RECORDS_MAX || requests.size > this.open || decisions.size > DECISIONS_MAX) {
      throw broken('S9', `the router of n${node} keeps ${requests.size} requests, ${records.size} records`)
    }
    if (event.type === 'ask') this.#retries.asked(node, this.#world.nowMs)
    const isUnreached = this.#isUnreached(event)
    const gave = this.#requests.get(event.id)?.gave
    if (event.type === 'chunk' && effects.length > 0) gave?.add(event.attempt)
    // It goes on with work that was done, and repeats none.
    const goesOn = event.type === 'failed' && gave?.has(event.attempt) === true
    for (const effect of effects) {
      if (effect.type !== 'attempt') continue
      const tracked = this.#requests.get(effect.id)
      if (tracked === undefined)
        throw broken('E1', `n${node} asks somebody for request ${effect.id} after its end`)
      if (++tracked.attempts > ATTEMPTS_MAX) throw broken('S13', `n${node} asked ${tracked.attempts} times`)
      if (!effect.peer.connected) tracked.toDial.add(effect.attempt)
      if (effect.from !== tracked.delivered)
        throw broken(
          'S3',
          `n${node} asks for chunk ${effect.from} of request ${effect.id} after ${tracked.delivered}`
        )
      if (effect.from > 0 && ++tracked.continuations > CONTINUATIONS_MAX)
        throw broken('S13', `n${node} goes on ${tracked.continuations} times with request ${effect.id}`)
      if (event.type !== 'ask' && !isUnreached && !goesOn) this.#retries.retried(node, this.#world.nowMs)
    }
  }

  /** Whether the request did not come to the peer. Such an attempt does not count, nor does the one in its place. */
  #isUnreached(event: RouterEvent): boolean {
    const tracked = this.#requests.get(event.id)
    const isUnreached =
      event.type === 'failed' &&
      event.failure.code === 'PEER_UNREACHABLE' &&
      tracked?.toDial.delete(event.attempt) === true
    if (isUnreached) tracked!.attempts--
    return isUnreached
  }

  // Serving.

  readonly queues = new Queues()

  serves(node: number, peer: number): void {
    if (this.#world.nodes[peer]!.role === 'stranger')
      throw broken('S4', `n${node} serves n${peer}, a stranger`)
    for (const subject of this.#removals.get(node)?.values() ?? []) {
      if (subject === peer) throw broken('S5', `n${node} serves n${peer}, which it knows to be removed`)
    }
  }

  // Manifests and removals.

  announced(node: number, { manifest: { sequence } }: SignedManifest): void {
    const before = this.#announced.get(node) ?? 0
    if (sequence <= before) throw broken('S1', `n${node} uses number ${sequence} again, after ${before}`)
    this.#announced.set(node, sequence)
  }

  accepted(node: number, { manifest: { peerId, epoch, sequence } }: SignedManifest): void {
    const { epochs, sequences } = this.#rowOf(node)
    const about = nodeOf(peerId)
    const order = epoch - epochs[about]! || sequence - sequences[about]!
    if (order <= 0)
      throw broken('S6', `n${node} accepts number ${sequence} of n${about} after ${sequences[about]}`)
    epochs[about] = epoch
    sequences[about] = sequence
    const entries = this.#world.nodes[node]!.life?.records.providers.entries.size ?? 0
    if (entries > PEERS_MAX) throw broken('S9', `n${node} keeps ${entries} manifests`)
  }

  #rowOf(node: number) {
    let row = this.#accepted.get(node)
    if (row === undefined) {
      const { length } = this.#world.nodes
      row = { epochs: new Float64Array(length).fill(-1), sequences: new Float64Array(length).fill(-1) }
      this.#accepted.set(node, row)
    }
    return row
  }

  acknowledged(node: number, { hash, value }: ProvenRevocation): void {
    const known = this.#removals.get(node) ?? new Map<string, number>()
    known.set(hash, nodeOf(value.subject))
    this.#removals.set(node, known)
  }

  /** Another revocation took its place: of the same subject, or in a room that is full. */
  replaced(node: number, hash: string): void {
    this.#removals.get(node)?.delete(hash)
  }

  died(node: number): void {
    for (const [request, tracked] of this.#requests) if (tracked.node === node) this.#ended(request, 'crash')
    this.#retries.forget(node)
  }

  /** The node has read its disks. What only its cache held may be gone; the rest may not. */
  restarted({ node: { index, cache }, records: { members } }: Life): void {
    for (const hash of this.#removals.get(index)?.keys() ?? []) {
      if (!members.removals.kept.has(hash))
        throw broken('S1', `n${index} has lost ${hash}, which it acknowledged`)
    }
    this.#accepted.delete(index)
    for (const { manifest } of cache.values()) {
      const { epochs, sequences } = this.#rowOf(index)
      epochs[nodeOf(manifest.peerId)] = manifest.epoch
      // What was accepted before counts as alive only once it comes again.
      sequences[nodeOf(manifest.peerId)] = manifest.sequence - 0.5
    }
  }

  /** After the last request has had its time: whatever is still held is held for ever. */
  idle(): void {
    const [request, tracked] = this.#requests.entries().next().value ?? []
    if (tracked !== undefined) throw broken('E1', `request ${request} of n${tracked.node} never ended`)
    for (const { index, life, isHonest } of this.#world.nodes) {
      if (life === undefined || !isHonest) continue
      for (const { running, turns } of life.server.admissions) {
        if (running + turns.queue.size > life.server.underWay) {
          throw broken('L3', `n${index}: ${running} slots taken, ${turns.queue.size} waiting for nobody`)
        }
      }
      const held = life.asker.underWay + life.asker.router.requests.size
      if (held > 0) throw broken('L3', `n${index} holds ${held} requests and calls`)
      for (const [key, { inFlight }] of life.asker.router.records) {
        if (inFlight !== 0) throw broken('L3', `n${index} counts ${inFlight} requests under way at ${key}`)
      }
    }
  }
}

const broken = (invariant: Invariant, what: string): BrokenInvariant => new BrokenInvariant(invariant, what)
