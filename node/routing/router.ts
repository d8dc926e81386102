/**
 * The whole mesh as one inference service: finds who can, and asks whom
 * `router-core.ts` says, of which it is the shell.
 */

import type { Clock, Random } from '../../interface/clock.ts'
import { CancelledError, type LumosError, toLumosError } from '../../interface/errors.ts'
import type { EventData, EventName } from '../../interface/events.ts'
import type { Inference, InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { InferOptions, NewInferenceRequest } from '../../interface/node.ts'
import type { RoutedRequest, RoutingPolicy } from '../../interface/routing.ts'
import { Askings, askingBy, type NewAsking } from './asking.ts'
import { type Arrival, Attempts } from './attempts.ts'
import { decisionOf } from './decisions.ts'
import { offersFor, prepareNew } from './new-request.ts'
import type { ProviderView, Wanted } from './provider-view.ts'
import type { Candidate, Ranked, RankedCandidate } from './rank.ts'
import { withRoom } from './room.ts'
import { newRouter, stepRouter } from './router-core.ts'
import type { AttemptEffect, RouterEffect, RouterEvent, RouterState } from './router-state.ts'
import { type Seek, sought } from './sought.ts'
import { recordOf, type TrackRecord } from './track-record.ts'
import { rankOffers } from './turns.ts'

/** One call of `infer`. */
interface Run {
  readonly id: number
  readonly request: PreparedRequest
  readonly options: InferOptions
  readonly attempts: Attempts
  /** Peers that were asked, by attempt. */
  readonly peers: Map<number, RankedCandidate>
  /** The last attempt that the caller was told of. */
  routed: number
  failure: LumosError | undefined
  answered: boolean
  readonly asking: NewAsking
}

export interface RouterComponents {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** By which requests find their peer that state none. */
  readonly policy: RoutingPolicy
  newId(): string
  readonly providers: Pick<ProviderView, 'offers' | 'named' | 'isConnected' | 'client'>
  emit<N extends EventName>(name: N, data: EventData<N>): void
  readonly seek?: Seek
}

export class Router implements Inference {
  readonly #components: RouterComponents
  readonly #state: RouterState
  readonly #askings: Askings
  #lastId = 0

  constructor(components: RouterComponents) {
    this.#components = components
    this.#state = newRouter(components.clock.monotonicMs())
    this.#askings = new Askings(components)
  }

  /** The request as `infer` takes it; what it leaves out is found among the offers. */
  prepare(wanted: NewInferenceRequest): PreparedRequest {
    return prepareNew(wanted, this.#components)
  }

  /** As `prepare`, after a device was looked for where no manifest names one. */
  prepareSought(wanted: NewInferenceRequest, { signal }: InferOptions = {}): Promise<PreparedRequest> {
    const { task, model } = wanted
    return sought({ task, model }, () => this.prepare(wanted), this.#components.seek, signal)
  }

  /** See {@link Inference.infer}. */
  async *infer(request: PreparedRequest, options: InferOptions = {}): AsyncGenerator<InferenceChunk> {
    const { clock, emit, seek } = this.#components
    const { id: requestId, task, model, budgetMs } = request
    const startedMs = clock.monotonicMs()
    const run = newRun(++this.#lastId, request, options, clock, this.#askings.of(request, options))
    const onAbort = () => run.attempts.abort(options.signal?.reason)
    options.signal?.addEventListener('abort', onAbort)
    let failure: LumosError | undefined

    emit('inference.request_started', { requestId, task, model })
    try {
      const able = await sought(request, () => this.#able(request, options), seek, options.signal)
      const offers = withRoom(able, request)
      this.#carryOut(
        run,
        this.#step({ type: 'ask', id: run.id, requestId, budgetMs, offers, asking: run.asking })
      )
      // One loop and no generator in between, which would cost more than all that is decided here.
      while (run.failure === undefined) {
        const arrival = await run.attempts.next()
        const { attempt, chunk } = arrival
        if (chunk === undefined) {
          if (run.answered && arrival.failure === undefined) return
          this.#over(run, arrival)
          continue
        }
        if (this.#isPart(run, attempt, chunk)) yield chunk
        else if (run.answered) return
        run.attempts.pull(attempt)
      }
      throw run.failure
    } catch (thrown) {
      failure = toLumosError(thrown)
      throw failure
    } finally {
      options.signal?.removeEventListener('abort', onAbort)
      this.#step({ type: 'cancel', id: run.id })
      if (!run.answered) {
        const durationMs = clock.monotonicMs() - startedMs
        // Leaving the loop early is a cancellation that throws nothing here.
        const code = failure?.code ?? 'CANCELLED'
        emit('inference.request_failed', { requestId, task, model, code, durationMs })
      }
      await run.attempts.close(new CancelledError())
    }
  }

  /** The last requests, by their id, and why each peer was asked or not. */
  readonly decisions = {
    get: (requestId: string): RoutedRequest | undefined => {
      const asked = this.#state.decisions.get(requestId)
      return asked && decisionOf(asked)
    }
  }

  #begin(run: Run, { attempt, peer, budgetMs }: AttemptEffect): void {
    const { request, options } = run
    run.peers.set(attempt, peer)
    run.attempts.begin(attempt, signal => {
      options.signal?.throwIfAborted()
      this.#route(run, attempt)
      const { model } = peer.capability
      return this.#components.providers.client(peer.peerId).infer({ ...request, model, budgetMs }, { signal })
    })
  }

  /** The caller is told of the peer that was asked last, and then of the one that answers. */
  #route(run: Run, attempt: number): void {
    if (run.routed === attempt) return
    run.routed = attempt
    const peer = run.peers.get(attempt)!
    const { task, model } = peer.capability
    run.options.onRoute?.({ ...namesOf(peer), task, model })
  }

  #carryOut(run: Run, effects: readonly RouterEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'abandon': {
          const { attempt } = effect
          run.attempts.abandon(attempt, new CancelledError('Another peer answers.'))
          const { peerId } = run.peers.get(attempt)!
          this.#components.log.info({ requestId: run.request.id, peerId }, 'a peer is not needed any more')
          break
        }
        case 'attempt':
          this.#begin(run, effect)
          break
        case 'timer': {
          const { id, attempt, delayMs } = effect
          const wake = () => this.#carryOut(run, this.#step({ type: 'timer', id, attempt }))
          run.attempts.wakeAfter(attempt, delayMs, wake)
          break
        }
        case 'complete': {
          const { id: requestId, task, model } = run.request
          const { peerId, route } = namesOf(effect.peer)
          const { durationMs } = effect
          run.answered = true
          run.asking.answeredBy(peerId)
          this.#components.emit('inference.request_completed', {
            ...{ requestId, task, model },
            ...{ peerId, route, durationMs }
          })
          break
        }
        case 'fail':
          run.failure = effect.failure
      }
    }
  }

  /** Whether the chunk belongs to the answer; the last one completes it. */
  #isPart(run: Run, attempt: number, chunk: InferenceChunk): boolean {
    // Of no answer yet: another peer may still be asked, and then only its progress is of interest.
    if (chunk.type === 'progress') return run.routed === attempt
    const end = chunk.type === 'done' ? chunk.usage : undefined
    const { outputTokens } = end ?? {}
    const effects = this.#step({ type: 'chunk', id: run.id, attempt, last: end !== undefined, outputTokens })
    if (effects.length === 0) return false
    run.attempts.settle(attempt)
    this.#route(run, attempt)
    this.#carryOut(run, effects)
    return true
  }

  /**
   * The attempt gives no more chunks.
   *
   * @throws its failure when the answer is whole already.
   */
  #over(run: Run, { attempt, failure: thrown }: Arrival): void {
    const { id, request, options, answered } = run
    if (thrown === undefined) {
      this.#carryOut(run, this.#step({ type: 'ended', id, attempt }))
      return
    }
    const failure = toLumosError(thrown)
    if (answered) throw failure
    const unwanted = options.signal?.aborted === true
    this.#carryOut(run, this.#step({ type: 'failed', id, attempt, failure, unwanted }))
    const { peerId } = run.peers.get(attempt)!
    this.#components.log.info(
      { requestId: request.id, peerId, code: failure.code },
      'a peer could not answer'
    )
  }

  #step(event: RouterEvent): readonly RouterEffect[] {
    return stepRouter(this.#state, event, this.#components.clock.monotonicMs()).effects
  }

  /**
   * Whom a request for this is sent to, best first, and why.
   *
   * @throws {NoProviderError} when nobody offers it.
   */
  explain(wanted: Wanted, options: InferOptions = {}): Ranked[] {
    const { clock, policy } = this.#components
    const asking = askingBy(options.policy ?? policy)
    return rankOffers(this.#state.records, this.#able(wanted, options), asking, clock.monotonicMs())
  }

  /** What was measured of a peer lately. */
  recordOf(peerId: string, model: string): TrackRecord {
    return recordOf(this.#state.records, peerId, model, this.#components.clock.monotonicMs())
  }

  #able(wanted: Wanted, options: InferOptions): Candidate[] {
    return offersFor(wanted, this.#components.providers, options)
  }
}

const newRun = (
  id: number,
  request: PreparedRequest,
  options: InferOptions,
  clock: Clock,
  asking: NewAsking
): Run => ({
  id,
  request,
  options,
  attempts: new Attempts(clock),
  peers: new Map(),
  routed: 0,
  failure: undefined,
  answered: false,
  asking
})

const namesOf = ({ peerId, name, local }: Candidate) =>
  ({ peerId, name, route: local ? 'local' : 'remote' }) as const
