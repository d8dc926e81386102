/**
 * The whole mesh as one inference service: find who can, ask the best, and ask
 * the next when that one fails before it said anything.
 *
 * A request that has begun to be answered is never silently begun again: a cut
 * stream ends with `STREAM_INTERRUPTED` and the number of chunks that came.
 */

import type { Clock } from '../interface/clock.ts'
import { closestNames } from '../interface/closest.ts'
import {
  CancelledError,
  InvalidInputError,
  LumosError,
  NoProviderError,
  OverloadedError,
  TimeoutError,
  toLumosError
} from '../interface/errors.ts'
import type { EventData, EventName } from '../interface/events.ts'
import {
  DEFAULT_BUDGET_MS,
  type InferenceChunk,
  type InferenceRequest,
  type InferenceService,
  MAX_BUDGET_MS
} from '../interface/inference.ts'
import type { Logger } from '../interface/lifecycle.ts'
import type { InferOptions, NewInferenceRequest } from '../interface/node.ts'
import { parseInput, TASK_NAMES, TASKS, type TaskName } from '../interface/tasks.ts'
import type { Candidate, Ranked } from './rank.ts'
import { rank } from './rank.ts'
import { RetryBudget } from './retry-budget.ts'
import type { Outcome, TrackRecords } from './track-record.ts'

/** The first try and two more: a third failure says more about the request than about the peers. */
const ATTEMPTS_MAX = 3
/** Final at the peer that says so; another one may offer the model to us. */
const NOT_THERE: ReadonlySet<string> = new Set([
  'MODEL_NOT_FOUND',
  'DENIED',
  'PEER_NOT_MEMBER',
  'PEER_REVOKED',
  'PEER_BANNED'
])

type Wanted = Pick<NewInferenceRequest, 'task' | 'model'>

export interface RouterComponents {
  readonly clock: Clock
  readonly log: Logger
  readonly records: TrackRecords
  newId(): string
  /** Everyone who offers the task or model, this node included. */
  candidates(wanted: { task?: TaskName; model?: string }): Candidate[]
  /** The way to one of them. */
  service(peerId: string): InferenceService
  /** PeerIds that go by this name or id; empty when nobody does. */
  peersNamed(name: string): string[]
  emit<N extends EventName>(name: N, data: EventData<N>): void
}

export class Router {
  readonly #components: RouterComponents
  readonly #retries: RetryBudget

  constructor(components: RouterComponents) {
    this.#components = components
    this.#retries = new RetryBudget(components.clock)
  }

  /** See {@link InferenceService.infer}; what the request leaves out is found among the offers. */
  async *infer(wanted: NewInferenceRequest, options: InferOptions = {}): AsyncGenerator<InferenceChunk> {
    const { clock, emit } = this.#components
    const startedMs = clock.monotonicMs()
    const request = this.#complete(wanted)
    const named = { requestId: request.id, task: request.task, model: request.model }
    let ended = false

    emit('inference.request_started', named)
    try {
      for await (const { chunk, peer } of this.#attempts(request, startedMs, options)) {
        if (chunk.type === 'done') {
          ended = true
          const route = peer.local ? 'local' : 'remote'
          const durationMs = clock.monotonicMs() - startedMs
          emit('inference.request_completed', { ...named, peerId: peer.peerId, route, durationMs })
        }
        yield chunk
      }
    } catch (thrown) {
      ended = true
      const { code } = toLumosError(thrown)
      emit('inference.request_failed', { ...named, code, durationMs: clock.monotonicMs() - startedMs })
      throw thrown
    } finally {
      // Leaving the loop early is a cancellation that throws nothing here.
      if (!ended) {
        const durationMs = clock.monotonicMs() - startedMs
        emit('inference.request_failed', { ...named, code: 'CANCELLED', durationMs })
      }
    }
  }

  async *#attempts(
    request: InferenceRequest,
    startedMs: number,
    options: InferOptions
  ): AsyncGenerator<{ chunk: InferenceChunk; peer: Candidate }> {
    const failures: LumosError[] = []
    let last: Candidate | undefined

    for (const candidate of this.#candidates(request, options)) {
      if (candidate === last && failures.at(-1)?.code !== 'PEER_UNREACHABLE') break
      last = candidate
      if (failures.length > 0 && !this.#retries.take()) break
      const budgetMs = request.budgetMs - (this.#components.clock.monotonicMs() - startedMs)
      if (budgetMs <= 0) throw new TimeoutError(`No answer within ${request.budgetMs} ms.`)

      const attempt = { ...request, model: candidate.capability.model, budgetMs }
      let received = 0
      try {
        for await (const chunk of this.#attempt(attempt, candidate, options)) {
          received++
          yield { chunk, peer: candidate }
        }
        return
      } catch (thrown) {
        const failure = toLumosError(thrown)
        if (received > 0) throw interrupted(failure, received)
        if (!failure.retryable && !NOT_THERE.has(failure.code)) throw failure
        failures.push(failure)
        this.#components.log.info(
          { requestId: request.id, peerId: candidate.peerId, code: failure.code },
          'a peer could not answer'
        )
      }
    }
    throw summaryOf(failures)
  }

  /** One peer asked once, and what came of it noted in its record. */
  async *#attempt(
    request: InferenceRequest,
    peer: Candidate,
    options: InferOptions
  ): AsyncGenerator<InferenceChunk> {
    const { clock, records, service } = this.#components
    const { task, model } = peer.capability
    const beganMs = clock.monotonicMs()
    let outcome: Outcome = 'cancelled'
    let first = true

    options.signal?.throwIfAborted()
    options.onRoute?.({
      peerId: peer.peerId,
      name: peer.name,
      route: peer.local ? 'local' : 'remote',
      task,
      model
    })
    records.begin(peer.peerId, model)
    try {
      for await (const chunk of service(peer.peerId).infer(request, options)) {
        if (first) {
          first = false
          const nowMs = clock.monotonicMs()
          records.firstChunk(peer.peerId, model, nowMs - beganMs, nowMs)
        }
        if (chunk.type === 'done') outcome = 'answered'
        yield chunk
      }
    } catch (thrown) {
      outcome = outcomeOf(thrown, options.signal)
      throw thrown
    } finally {
      records.end(peer.peerId, model, outcome, clock.monotonicMs())
    }
  }

  /** Whom to ask, in turn. An only peer may be asked twice: its connection can break while it is well. */
  #candidates(request: InferenceRequest, options: InferOptions): Candidate[] {
    const ranked = this.explain(request, options).map(({ candidate }) => candidate)
    const [only, ...others] = ranked
    if (only?.connected && others.length === 0) return [only, only]
    return ranked.slice(0, ATTEMPTS_MAX)
  }

  /**
   * Whom a request for this is sent to, best first, and why.
   *
   * @throws {NoProviderError} when nobody offers it.
   */
  explain(wanted: Wanted, { peer }: InferOptions = {}): Ranked[] {
    const { candidates, peersNamed, clock } = this.#components
    let able = candidates({ task: wanted.task, model: wanted.model })

    if (peer !== undefined) {
      const ids = peersNamed(peer)
      if (ids.length === 0) {
        throw new LumosError('PEER_NOT_FOUND', `No peer is known as "${peer}".`, {
          hint: 'See who is there: lumos-node peers'
        })
      }
      able = able.filter(({ peerId }) => ids.includes(peerId))
    }
    if (able.length === 0) throw this.#nobody(wanted.model ?? wanted.task ?? 'anything', peer)
    return rank(able, clock.monotonicMs())
  }

  /** Fill in what was left out, and refuse what no peer could take. */
  #complete(wanted: NewInferenceRequest): InferenceRequest {
    const task = wanted.task ?? this.#taskOf(wanted)
    const schema = TASKS[task]
    if (schema === undefined) {
      throw new LumosError('USAGE', `There is no task "${task}".`, {
        hint: `Tasks: ${TASK_NAMES.join(', ')}`
      })
    }
    return {
      id: wanted.id ?? this.#components.newId(),
      task,
      model: wanted.model,
      ...parseInput(task, wanted.input, wanted.params ?? {}),
      budgetMs: Math.min(Math.max(wanted.budgetMs ?? DEFAULT_BUDGET_MS, 1), MAX_BUDGET_MS)
    }
  }

  /** The first task of the model whose input has the form that was given. */
  #taskOf({ model, input }: NewInferenceRequest): TaskName {
    if (model === undefined) throw new InvalidInputError('Say which model or which task.')
    const offered = new Set(this.#components.candidates({ model }).map(({ capability }) => capability.task))
    if (offered.size === 0) throw this.#nobody(model, undefined)
    const tasks = TASK_NAMES.filter(task => offered.has(task))
    return tasks.find(task => TASKS[task].input.safeParse(input).success) ?? tasks[0]!
  }

  #nobody(wanted: string, peer: string | undefined): NoProviderError {
    const offered = this.#components.candidates({}).map(({ capability }) => capability.model)
    const closest = closestNames(wanted, offered)
    const message =
      peer === undefined
        ? `No device offers "${wanted}".`
        : `The device "${peer}" does not offer "${wanted}".`
    const hint = `${closest.length > 0 ? `Closest: ${closest.join(', ')}. ` : ''}See all: lumos-node models`
    return new NoProviderError(message, { hint })
  }
}

function outcomeOf(thrown: unknown, signal: AbortSignal | undefined): Outcome {
  const failure = toLumosError(thrown)
  if (signal?.aborted || failure.code === 'CANCELLED' || failure.code === 'INVALID_INPUT') return 'cancelled'
  if (failure.code !== 'OVERLOADED') return 'failed'
  return { overloadedMs: retryAfterMsOf(failure) }
}

/** A second: what a peer that gives no estimate of its own is left alone. */
const RETRY_AFTER_UNKNOWN_MS = 1000

const retryAfterMsOf = (failure: LumosError): number => {
  const ms = failure.details.retryAfterMs
  return typeof ms === 'number' && Number.isFinite(ms) ? ms : RETRY_AFTER_UNKNOWN_MS
}

/** After the first chunk every loss is told with how much came, except when it was meant. */
function interrupted(failure: LumosError, received: number): LumosError {
  if (failure instanceof CancelledError || failure.code === 'TIMEOUT' || failure.code === 'CANCELLED')
    return failure
  return new LumosError(
    'STREAM_INTERRUPTED',
    `The answer was cut after ${received} chunks: ${failure.message}`,
    {
      cause: failure,
      details: { received }
    }
  )
}

/** One error for several: busy only when all are, with the earliest time that one is free again. */
function summaryOf(failures: readonly LumosError[]): LumosError {
  if (failures.every(({ code }) => code === 'OVERLOADED')) {
    const retryAfterMs = Math.min(...failures.map(retryAfterMsOf))
    return new OverloadedError('Every device that could answer is busy.', retryAfterMs)
  }
  return failures.findLast(({ code }) => code !== 'OVERLOADED') ?? failures.at(-1)!
}
