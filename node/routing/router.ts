/**
 * The whole mesh as one inference service: finds who can, and asks whom
 * `router-core.ts` says, of which it is the shell.
 */

import type { Clock, Timer } from '../../interface/clock.ts'
import { CancelledError, type LumosError, NoProviderError, toLumosError } from '../../interface/errors.ts'
import type { EventData, EventName } from '../../interface/events.ts'
import type { Inference, InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { InferOptions, NewInferenceRequest } from '../../interface/node.ts'
import { type Decision, decisionOf } from './decisions.ts'
import { nobodyOffers, notConnected, prepareNew } from './new-request.ts'
import type { ProviderView, Wanted } from './provider-view.ts'
import type { Candidate, Ranked } from './rank.ts'
import { withRoom } from './room.ts'
import { newRouter, stepRouter } from './router-core.ts'
import type { AttemptEffect, RouterEffect, RouterEvent, RouterState } from './router-state.ts'
import { recordOf, type TrackRecord } from './track-record.ts'
import { rankOffers } from './turns.ts'

/** One call of `infer`. */
interface Run {
  readonly id: number
  readonly request: PreparedRequest
  readonly options: InferOptions
  /** The attempt that the core asks for. */
  attempt: AttemptEffect | undefined
  /** While the core wants to be woken: ends the attempt when another peer is asked. */
  limit: { readonly timer: Timer; readonly abandoned: AbortController } | undefined
  failure: LumosError | undefined
  answered: boolean
}

export interface RouterComponents {
  readonly clock: Clock
  readonly log: Logger
  newId(): string
  readonly providers: Pick<ProviderView, 'offers' | 'named' | 'isConnected' | 'client'>
  emit<N extends EventName>(name: N, data: EventData<N>): void
  /** Whether a device came that was looked for where no manifest names one. */
  seek?(wanted: Wanted, signal?: AbortSignal): Promise<boolean>
}

export class Router implements Inference {
  readonly #components: RouterComponents
  readonly #state: RouterState
  #lastId = 0

  constructor(components: RouterComponents) {
    this.#components = components
    this.#state = newRouter(components.clock.monotonicMs())
  }

  /** The request as `infer` takes it; what it leaves out is found among the offers. */
  prepare(wanted: NewInferenceRequest): PreparedRequest {
    return prepareNew(wanted, this.#components)
  }

  /** @returns what `found` gives, after devices were looked for where it throws that there are none. */
  async sought<T>(wanted: Wanted, found: () => T, { signal }: InferOptions = {}): Promise<T> {
    try {
      return found()
    } catch (thrown) {
      const { seek } = this.#components
      if (!(thrown instanceof NoProviderError) || !(await seek?.(wanted, signal))) throw thrown
      return found()
    }
  }

  /** See {@link Inference.infer}. */
  async *infer(request: PreparedRequest, options: InferOptions = {}): AsyncGenerator<InferenceChunk> {
    const { clock, emit } = this.#components
    const { id: requestId, task, model, budgetMs } = request
    const startedMs = clock.monotonicMs()
    const run = newRun(++this.#lastId, request, options)
    let failure: LumosError | undefined

    emit('inference.request_started', { requestId, task, model })
    try {
      const able = await this.sought(request, () => this.#able(request, options), options)
      const offers = withRoom(able, request)
      this.#carryOut(run, this.#step({ type: 'ask', id: run.id, requestId, budgetMs, offers }))
      // One loop and no generator in between, which would cost more than all that is decided here.
      while (run.failure === undefined) {
        const attempt = run.attempt!
        try {
          for await (const chunk of this.#ask(run, attempt)) {
            if (!this.#isPart(run, attempt, chunk)) break
            yield chunk
          }
          if (run.answered) return
          this.#carryOut(run, this.#step({ type: 'ended', id: run.id, attempt: attempt.attempt }))
        } catch (thrown) {
          this.#failed(run, attempt, toLumosError(thrown))
        }
      }
      throw run.failure
    } catch (thrown) {
      failure = toLumosError(thrown)
      throw failure
    } finally {
      run.limit?.timer.cancel()
      this.#step({ type: 'cancel', id: run.id })
      if (!run.answered) {
        const durationMs = clock.monotonicMs() - startedMs
        // Leaving the loop early is a cancellation that throws nothing here.
        const code = failure?.code ?? 'CANCELLED'
        emit('inference.request_failed', { requestId, task, model, code, durationMs })
      }
    }
  }

  /** The last requests, by their id, and why each peer was asked or not. */
  readonly decisions = {
    get: (requestId: string): Decision | undefined => {
      const asked = this.#state.decisions.get(requestId)
      return asked && decisionOf(asked)
    }
  }

  #ask({ request, options, limit }: Run, { peer, budgetMs }: AttemptEffect): AsyncIterable<InferenceChunk> {
    const { task, model } = peer.capability
    options.signal?.throwIfAborted()
    options.onRoute?.({ ...namesOf(peer), task, model })
    const signal = eitherOf(options.signal, limit?.abandoned.signal)
    return this.#components.providers.client(peer.peerId).infer({ ...request, model, budgetMs }, { signal })
  }

  #carryOut(run: Run, effects: readonly RouterEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'abandon':
          run.limit?.abandoned.abort(new CancelledError('Another peer is asked.'))
          break
        case 'attempt':
          this.#unlimit(run)
          run.attempt = effect
          break
        case 'timer': {
          const { id, attempt, delayMs } = effect
          const wake = () => this.#carryOut(run, this.#step({ type: 'timer', id, attempt }))
          run.limit = {
            timer: this.#components.clock.setTimer(wake, delayMs),
            abandoned: new AbortController()
          }
          break
        }
        case 'complete':
          run.answered = true
          this.#completed(run.request, effect)
          break
        case 'fail':
          run.failure = effect.failure
      }
    }
  }

  #unlimit(run: Run): void {
    run.limit?.timer.cancel()
    run.limit = undefined
  }

  /** Whether the chunk belongs to the answer; the last one completes it. */
  #isPart(run: Run, { attempt }: AttemptEffect, chunk: InferenceChunk): boolean {
    // Of no answer yet: another peer may still be asked.
    if (chunk.type === 'progress') return run.attempt?.attempt === attempt
    const end = chunk.type === 'done' ? chunk.usage : undefined
    const { outputTokens } = end ?? {}
    const effects = this.#step({ type: 'chunk', id: run.id, attempt, last: end !== undefined, outputTokens })
    if (effects.length === 0) return false
    if (run.limit !== undefined) this.#unlimit(run)
    this.#carryOut(run, effects)
    return true
  }

  /** @throws `failure` when the request has ended before. */
  #failed(run: Run, attempt: AttemptEffect, failure: LumosError): void {
    const { id, request, options } = run
    const requestId = request.id
    const { peerId } = attempt.peer
    // The core has given it up already.
    if (run.attempt !== attempt) {
      this.#components.log.info({ requestId, peerId }, 'a peer was silent; another one is asked')
      return
    }
    const unwanted = options.signal?.aborted === true
    const effects = this.#step({ type: 'failed', id, attempt: attempt.attempt, failure, unwanted })
    if (effects.length === 0) throw failure
    this.#carryOut(run, effects)
    this.#components.log.info({ requestId, peerId, code: failure.code }, 'a peer could not answer')
  }

  #completed(
    { id: requestId, task, model }: PreparedRequest,
    { peer, durationMs }: Extract<RouterEffect, { type: 'complete' }>
  ): void {
    const { peerId, route } = namesOf(peer)
    this.#components.emit('inference.request_completed', {
      requestId,
      task,
      model,
      peerId,
      route,
      durationMs
    })
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
    return rankOffers(this.#state.records, this.#able(wanted, options), this.#components.clock.monotonicMs())
  }

  /** What was measured of a peer lately. */
  recordOf(peerId: string, model: string): TrackRecord {
    return recordOf(this.#state.records, peerId, model, this.#components.clock.monotonicMs())
  }

  #able(wanted: Wanted, { peer }: InferOptions): Candidate[] {
    const { providers } = this.#components
    let able = providers.offers({ task: wanted.task, model: wanted.model })

    const only = peer === undefined ? undefined : providers.named(peer)
    if (peer !== undefined && only !== undefined) {
      able = able.filter(({ peerId }) => peerId === only)
      if (able.length === 0 && !providers.isConnected(only)) throw notConnected(peer)
    }
    if (able.length === 0) throw nobodyOffers(wanted, providers, { peer, only })
    return able
  }
}

const newRun = (id: number, request: PreparedRequest, options: InferOptions): Run => ({
  id,
  request,
  options,
  attempt: undefined,
  limit: undefined,
  failure: undefined,
  answered: false
})

function eitherOf(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one === undefined || other === undefined ? (one ?? other) : AbortSignal.any([one, other])
}

const namesOf = ({ peerId, name, local }: Candidate) =>
  ({ peerId, name, route: local ? 'local' : 'remote' }) as const
