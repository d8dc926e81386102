/**
 * The half of a virtual node that answers: an admission core for each model, and
 * an engine that takes its time, by the rules of `capabilities/serving/registry.ts`.
 */

import {
  type AdmissionEvent,
  type AdmissionState,
  newAdmission
} from '../../capabilities/serving/admission-core.ts'
import { type ErrorCode, toLumosError } from '../../interface/errors.ts'
import { permit } from '../../node/membership/policy.ts'
import type { Side } from './connection.ts'
import { peerIdOf } from './identities.ts'
import type { Life } from './life.ts'
import { type CallMessage, chunksOf, textOf } from './messages.ts'

type Asked = Extract<CallMessage, { type: 'call' }>

/** A request that is being answered, or waits for it. */
interface Job {
  readonly id: number
  /** Whoever asked; this node itself when absent. */
  readonly side: Side | undefined
  readonly asked: Asked
  readonly model: Served
  state: 'waiting' | 'running' | 'over'
  startedMs: number
}

interface Served {
  readonly name: string
  readonly admission: AdmissionState
}

export class Server {
  readonly #life: Life
  readonly #models: Map<string, Served>
  readonly #jobs = new Map<number, Job>()

  constructor(life: Life) {
    this.#life = life
    // A liar has nothing of what it offers.
    const served = life.node.role === 'liar' ? [] : life.node.capabilities
    this.#models = new Map(
      served.map(({ model, slots }) => [model, { name: model, admission: newAdmission(slots) }])
    )
  }

  get admissions(): AdmissionState[] {
    return [...this.#models.values()].map(({ admission }) => admission)
  }

  get underWay(): number {
    return this.#jobs.size
  }

  serve(side: Side | undefined, asked: Asked): void {
    const model = this.#models.get(asked.model)
    const refusal = model === undefined ? 'MODEL_NOT_FOUND' : this.#refusalOf(side)
    if (refusal !== undefined) {
      this.#reply(side, { type: 'error', call: asked.call, code: refusal, retryAfterMs: undefined })
      return
    }
    const id = this.#life.world.nextNumber()
    const job: Job = { id, side, asked, model: model!, state: 'waiting', startedMs: 0 }
    this.#jobs.set(id, job)
    this.#life.after(asked.budgetMs, () => this.#end(job, 'TIMEOUT'))
    const { budgetMs } = asked
    this.#step(job.model, { type: 'enter', id, peer: side && peerIdOf(side.peer), budgetMs })
  }

  cancel(side: Side | undefined, call: number): void {
    for (const job of this.#jobs.values()) {
      if (job.side === side && job.asked.call === call) this.#end(job)
    }
  }

  onLost(side: Side): void {
    for (const job of [...this.#jobs.values()]) if (job.side === side) this.#end(job)
  }

  #refusalOf(side: Side | undefined): ErrorCode | undefined {
    if (side === undefined) return undefined
    const peerId = peerIdOf(side.peer)
    const action = { kind: 'ask', access: 'everyone' } as const
    try {
      permit(this.#life.records.standingOf(peerId), action, { peerId })
      return undefined
    } catch (thrown) {
      return toLumosError(thrown).code
    }
  }

  #step(model: Served, event: AdmissionEvent): void {
    const { world, node, monotonicMs } = this.#life
    const about = event.type === 'leave' ? model.admission.running : event.id
    world.trace.note(world.nowMs, node.index, `admission ${event.type}`, about)
    const { effects } = world.cores.admission(model.admission, event, monotonicMs, world.random)
    world.checker.queues.stepped(node.index, model.admission)
    for (const effect of effects) {
      world.trace.note(world.nowMs, node.index, `admission → ${effect.type}`, effect.id)
      const job = this.#jobs.get(effect.id)
      if (job === undefined) continue
      if (effect.type === 'admit') this.#begin(job)
      else this.#end(job, 'OVERLOADED', effect.waitMs)
    }
  }

  #begin(job: Job): void {
    job.state = 'running'
    // It may have waited for long: who asks may be nobody any more.
    const refusal = this.#refusalOf(job.side)
    if (refusal !== undefined) {
      this.#end(job, refusal)
      return
    }
    const { world, node } = this.#life
    if (job.side !== undefined) world.checker.serves(node.index, job.side.peer)
    job.startedMs = this.#life.monotonicMs
    this.#produce(job, job.asked.from)
  }

  #produce(job: Job, index: number): void {
    const { world, node } = this.#life
    const ms = world.plan.chunkMs * node.slowness * (0.5 + world.random())
    this.#life.after(ms, () => {
      if (job.state !== 'running') return
      const { request, call } = job.asked
      const last = index === chunksOf(request)
      // The slot is free before the last chunk is taken, however slowly it is.
      if (last) this.#leave(job)
      this.#reply(job.side, { type: 'chunk', call, index, text: textOf(request, index), last })
      if (!last) this.#produce(job, index + 1)
    })
  }

  /** @param code what whoever asked is told; absent when nobody listens. */
  #end(job: Job, code?: ErrorCode, retryAfterMs?: number): void {
    if (job.state === 'over') return
    const { state } = job
    if (state === 'running') this.#leave(job)
    job.state = 'over'
    this.#jobs.delete(job.id)
    if (state === 'waiting' && code !== 'OVERLOADED') this.#step(job.model, { type: 'give-up', id: job.id })
    if (code !== undefined) this.#reply(job.side, { type: 'error', call: job.asked.call, code, retryAfterMs })
  }

  #leave(job: Job): void {
    job.state = 'over'
    this.#jobs.delete(job.id)
    const { side, startedMs } = job
    const peer = side && peerIdOf(side.peer)
    this.#step(job.model, { type: 'leave', peer, startedMs: startedMs === 0 ? undefined : startedMs })
  }

  #reply(side: Side | undefined, message: Extract<CallMessage, { type: 'chunk' | 'error' }>): void {
    if (side === undefined) this.#life.after(0, () => this.#life.asker.onMessage(message))
    else this.#life.send(side, message)
  }
}
