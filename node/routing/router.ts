/**
 * The whole mesh as one inference service: finds the peers that can, and asks those that `router-core.ts` names, of
 * which it is the shell.
 */

import { CancelledError, type LumosError, toLumosError } from '../../interface/errors.ts'
import type { EventData, EventName } from '../../interface/events.ts'
import type { Inference, InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { InferOptions, NewInferenceRequest } from '../../interface/node.ts'
import type { RequestSummary, RoutedRequest } from '../../interface/routing.ts'
import { Askings, type AskingsComponents, askingBy } from './asking.ts'
import type { Arrival } from './attempts.ts'
import { decisionAt, decisionsOf } from './decisions.ts'
import { offersFor, prepareNew } from './new-request.ts'
import type { ProviderView, Wanted } from './provider-view.ts'
import { type Candidate, namesOf, type Ranked } from './rank.ts'
import { leftOut, withRoom } from './room.ts'
import { newRouter, stepRouter } from './router-core.ts'
import type { AttemptEffect, Continuers, RouterEffect, RouterEvent, RouterState } from './router-state.ts'
import { Run } from './run.ts'
import { type Seek, sought } from './sought.ts'
import { noteDistrust, recordOf, type TrackRecord } from './track-record.ts'
import { rankOffers } from './turns.ts'

export interface RouterComponents extends AskingsComponents {
  readonly log: Logger
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
    const run = new Run(++this.#lastId, request, options, clock, this.#askings.of(request, options))
    const onAbort = () => run.attempts.abort(options.signal?.reason)
    options.signal?.addEventListener('abort', onAbort)
    let failure: LumosError | undefined

    const { traceId } = options
    emit('inference.request_started', { requestId, task, model, ...(traceId && { traceId }) })
    try {
      const able = await sought(request, () => this.#able(request, options), seek, options.signal)
      const roomy = withRoom(able, request)
      const asked = { requestId, budgetMs, offers: run.offered(roomy), tooSmall: leftOut(able, roomy) }
      const { id, continues, asking, from: delivered } = run
      this.#carryOut(run, this.#step({ type: 'ask', id, ...asked, asking, continues, delivered }))
      // One loop and no generator in between, which would cost more than all that is decided here.
      while (run.failure === undefined) {
        const arrival = await run.attempts.next()
        const { attempt, chunk } = arrival
        if (chunk === undefined) {
          if (run.answered && arrival.failure === undefined) return
          this.#over(run, arrival)
          continue
        }
        if (this.#isPart(run, arrival, chunk)) {
          if (run.seam !== undefined) {
            yield run.seam
            run.seam = undefined
          }
          const { continued } = run
          yield chunk.type === 'done' && continued !== undefined ? { ...chunk, continued } : chunk
        } else if (run.answered) return
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
    get: (requestId: string): RoutedRequest | undefined => decisionAt(this.#state.decisions, requestId),
    list: (): RequestSummary[] => decisionsOf(this.#state.decisions, this.#components.clock)
  }

  #begin(run: Run, effect: AttemptEffect): void {
    const { attempt, peer } = effect
    run.peers.set(attempt, peer)
    run.attempts.begin(attempt, signal => {
      run.options.signal?.throwIfAborted()
      this.#route(run, attempt)
      return this.#components.providers.client(peer.peerId).infer(run.requestFor(effect), { signal })
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
          const wake = () => {
            const waitedMs = run.attempts.waitedMs(attempt) ?? 0
            const event = { type: 'timer', id, attempt, waitedMs, offers: this.#continuers(run) } as const
            this.#carryOut(run, this.#step(event))
          }
          run.attempts.wakeAfter(attempt, delayMs, wake)
          break
        }
        case 'complete': {
          const { id: requestId, task, model } = run.request
          const { peerId, route } = namesOf(effect.peer)
          const { durationMs } = effect
          run.answered = true
          run.answeredBy(peerId)
          this.#components.emit('inference.request_completed', {
            ...{ requestId, task, model },
            ...{ peerId, route, durationMs, ...run.measured }
          })
          break
        }
        case 'fail':
          run.failure = effect.failure
      }
    }
  }

  /** Whether the chunk belongs to the answer; the last one completes it. */
  #isPart(run: Run, { attempt, waitedMs }: Arrival, chunk: InferenceChunk): boolean {
    // Of no answer yet: another peer may still be asked, and then only its progress is of interest.
    if (chunk.type === 'progress') return run.noteProgress(attempt, chunk)
    const end = chunk.type === 'done' ? chunk.usage : undefined
    const { outputTokens } = end ?? {}
    const last = end !== undefined
    const effects = this.#step({ type: 'chunk', id: run.id, attempt, last, outputTokens, waitedMs })
    if (effects.length === 0) return false
    run.noteChunk(attempt, chunk)
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
      this.#carryOut(run, this.#step({ type: 'ended', id, attempt, offers: this.#continuers(run) }))
      return
    }
    const failure = toLumosError(thrown)
    if (answered) throw failure
    const unwanted = options.signal?.aborted === true
    const offers = unwanted ? undefined : this.#continuers(run)
    this.#carryOut(run, this.#step({ type: 'failed', id, attempt, failure, unwanted, offers }))
    const about = { requestId: request.id, peerId: run.peers.get(attempt)!.peerId, code: failure.code }
    this.#components.log.info(about, 'a peer could not answer')
  }

  /** Peers that could go on with the answer now: those that serve its model, and know how to. */
  #continuers({ continuedModel: model, request, options, goesOn }: Run): Continuers {
    if (model === undefined) return undefined
    try {
      const able = this.#able({ ...request, model }, options)
      return withRoom(able, request).filter(goesOn)
    } catch {
      return []
    }
  }

  #step(event: RouterEvent): readonly RouterEffect[] {
    return stepRouter(this.#state, event, this.#components.clock.monotonicMs()).effects
  }

  /**
   * The peers that a request for this is sent to, best first, and why.
   *
   * @throws {NoProviderError} when no device offers it.
   */
  explain(wanted: Wanted, options: InferOptions = {}): Ranked[] {
    const { clock, policy } = this.#components
    const able = this.#able(wanted, options)
    const asking = askingBy(options.policy ?? policy, able[0]!.capability.task)
    return rankOffers(this.#state.records, able, asking, clock.monotonicMs())
  }

  /** What was measured of a peer lately. */
  recordOf(peerId: string, model: string): TrackRecord {
    return recordOf(this.#state.records, peerId, model, this.#components.clock.monotonicMs())
  }

  /** Its answers differ from those of two others. */
  distrust = (peerId: string, model: string): void =>
    noteDistrust(this.#state.records, peerId, model, this.#components.clock.monotonicMs())

  #able = (wanted: Wanted, options: InferOptions): Candidate[] =>
    offersFor(wanted, this.#components.providers, options)
}
