/**
 * The half of a virtual node that asks: its router core, and the calls that are
 * under way, by the rules of `protocols/inference/client.ts`.
 */

import { LumosError } from '../../interface/errors.ts'
import { providersOf } from '../../node/manifests/provider-core.ts'
import { askingBy } from '../../node/routing/asking.ts'
import type { Candidate } from '../../node/routing/rank.ts'
import { newRouter } from '../../node/routing/router-core.ts'
import type { AttemptEffect, RouterEffect, RouterEvent } from '../../node/routing/router-state.ts'
import { GRACE_MS } from '../../protocols/inference/client.ts'
import type { Side } from './connection.ts'
import { nodeOf } from './identities.ts'
import type { Life } from './life.ts'
import type { CallMessage } from './messages.ts'

/** One attempt, as long as it is under way. */
interface Call {
  readonly number: number
  readonly request: number
  /** The router's number of it. */
  readonly attempt: number
  readonly peer: number
  side: Side | undefined
  received: number
  /** When the next chunk began to be waited for. */
  waitsMs: number
}

export interface Wanted {
  readonly model: string
  readonly budgetMs: number
  /** The only peer that may answer. */
  readonly peer?: number
}

export class Asker {
  readonly router: ReturnType<typeof newRouter>
  readonly #life: Life
  readonly #calls = new Map<number, Call>()
  /** The chunk that the router is being told of. */
  #chunk: Extract<CallMessage, { type: 'chunk' }> | undefined
  readonly #wanted = new Map<number, Wanted>()

  constructor(life: Life) {
    this.#life = life
    this.router = newRouter(life.monotonicMs)
  }

  /** Requests that have not ended, and calls under way. */
  get underWay(): number {
    return this.#wanted.size + this.#calls.size
  }

  /** Also bounds what a broken router can ask for. */
  ask(request: number, wanted: Wanted): void {
    const { world, node } = this.#life
    world.checker.asked(node.index, request)
    const offers = this.#offers(wanted)
    if (offers.length === 0) {
      world.checker.ended(node.index, request, 'NO_PROVIDER')
      return
    }
    this.#wanted.set(request, wanted)
    const { budgetMs } = wanted
    const asking = askingBy('balanced')
    const named = { id: request, requestId: `${request}` }
    this.#step({ type: 'ask', ...named, budgetMs, offers, asking, continues: true })
  }

  /** Whoever offers it, as far as is known here. */
  #offers({ model, peer }: Wanted): Candidate[] {
    const { records, monotonicMs } = this.#life
    return providersOf(records.providers, { model }, monotonicMs).flatMap(({ peerId, capability }) => {
      const offer = this.#life.offerOf(peerId, capability)
      return offer === undefined || (peer !== undefined && peer !== nodeOf(peerId)) ? [] : [offer]
    })
  }

  /** Those that know how to go on with an answer. */
  #continuers(request: number): Candidate[] {
    const wanted = this.#wanted.get(request)
    if (wanted === undefined) return []
    return this.#offers(wanted).filter(({ capability }) => capability.resumes === true)
  }

  cancel(request: number): void {
    this.#step({ type: 'cancel', id: request })
  }

  onLost(side: Side): void {
    for (const call of [...this.#calls.values()]) {
      if (call.side === side) this.#fail(call, new LumosError('PEER_UNREACHABLE', 'lost'))
    }
  }

  /** From the peer that the call runs on. */
  onMessage(message: Extract<CallMessage, { type: 'chunk' | 'error' }>): void {
    const call = this.#calls.get(message.call)
    if (call === undefined) return
    if (message.type === 'error') {
      const details = { retryAfterMs: message.retryAfterMs }
      this.#fail(call, new LumosError(message.code, 'refused', { details }))
      return
    }
    if (message.index !== call.received) {
      this.#fail(call, new LumosError('PROTOCOL_VIOLATION', 'A chunk is missing or comes twice.'))
      return
    }
    const waitedMs = this.#life.monotonicMs - call.waitsMs
    call.received++
    call.waitsMs = this.#life.monotonicMs
    if (message.last) this.#forget(call)
    this.#chunk = message
    this.#step({ type: 'chunk', id: call.request, attempt: call.attempt, last: message.last, waitedMs })
    this.#chunk = undefined
  }

  #step(event: RouterEvent): void {
    const { world, node, monotonicMs } = this.#life
    world.trace.note(world.nowMs, node.index, `router ${event.type}`, event.id)
    const { effects } = world.cores.router(this.router, event, monotonicMs, world.random)
    world.checker.routerStepped(node.index, this.router, event, effects)
    for (const effect of effects) this.#carryOut(effect)
  }

  #carryOut(effect: RouterEffect): void {
    const { world, node } = this.#life
    world.trace.note(world.nowMs, node.index, `router → ${effect.type}`, effect.id)
    switch (effect.type) {
      case 'attempt':
        this.#attempt(effect)
        return
      case 'timer': {
        const { id, attempt, delayMs } = effect
        this.#life.after(delayMs, () => this.#wake(id, attempt))
        return
      }
      case 'abandon':
        this.#giveUp(effect.attempt)
        return
      case 'deliver':
        if (this.#chunk !== undefined) world.checker.delivered(node.index, effect.id, this.#chunk)
        return
      case 'complete':
      case 'fail':
        this.#wanted.delete(effect.id)
        world.checker.ended(node.index, effect.id, effect.type === 'fail' ? effect.failure.code : undefined)
    }
  }

  #wake(id: number, attempt: number): void {
    if (!this.#wanted.has(id)) return
    const call = [...this.#calls.values()].find(one => one.attempt === attempt)
    const waitedMs = call === undefined ? 0 : this.#life.monotonicMs - call.waitsMs
    this.#step({ type: 'timer', id, attempt, waitedMs, offers: this.#continuers(id) })
  }

  #attempt({ id: request, attempt, peer: { peerId }, budgetMs, from }: AttemptEffect): void {
    const { world, node } = this.#life
    const peer = nodeOf(peerId)
    const call: Call = {
      ...{ number: world.nextNumber(), request, attempt, peer, side: undefined },
      ...{ received: from, waitsMs: this.#life.monotonicMs }
    }
    this.#calls.set(call.number, call)
    this.#life.after(budgetMs + GRACE_MS, () => {
      if (this.#calls.has(call.number)) this.#fail(call, new LumosError('TIMEOUT', 'late'))
    })
    const message = {
      type: 'call',
      call: call.number,
      request,
      model: this.#wanted.get(request)!.model,
      budgetMs,
      from
    } as const
    if (peer === node.index) {
      this.#life.server.serve(undefined, message)
      return
    }
    this.#life.reach(peer, side => {
      if (!this.#calls.has(call.number)) return
      if (side === undefined) {
        this.#fail(call, new LumosError('PEER_UNREACHABLE', 'cannot be reached'))
        return
      }
      call.side = side
      this.#life.send(side, message)
    })
  }

  #fail(call: Call, failure: LumosError): void {
    if (!this.#calls.has(call.number)) return
    this.#drop(call)
    const { request: id, attempt } = call
    const offers = this.#continuers(id)
    this.#step({ type: 'failed', id, attempt, failure, unwanted: false, offers })
  }

  /** The rest of it is not wanted. */
  #giveUp(attempt: number): void {
    for (const call of [...this.#calls.values()]) if (call.attempt === attempt) this.#drop(call)
  }

  #drop(call: Call): void {
    this.#forget(call)
    const cancel = { type: 'cancel', call: call.number } as const
    if (call.side !== undefined) this.#life.send(call.side, cancel)
    else if (call.peer === this.#life.node.index) this.#life.server.cancel(undefined, call.number)
  }

  #forget(call: Call): void {
    this.#calls.delete(call.number)
  }
}
