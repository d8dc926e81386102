/**
 * The whole mesh as one inference service: finds who can, and asks whom
 * `router-core.ts` says, of which it is the shell.
 */

import type { Clock } from '../../interface/clock.ts'
import {
  CancelledError,
  EngineFailedError,
  InvalidInputError,
  LumosError,
  NoProviderError,
  toLumosError
} from '../../interface/errors.ts'
import type { EventData, EventName } from '../../interface/events.ts'
import {
  DEFAULT_BUDGET_MS,
  type Inference,
  type InferenceChunk,
  type InferenceRequest,
  MAX_BUDGET_MS
} from '../../interface/inference.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { InferOptions, NewInferenceRequest } from '../../interface/node.ts'
import { closestNames } from '../../interface/suggest.ts'
import { parseInput, TASK_NAMES, TASKS, type TaskName } from '../../interface/tasks.ts'
import type { Candidate, Ranked } from './rank.ts'
import {
  newRouter,
  type RouterEffect,
  type RouterEvent,
  type RouterState,
  rankOffers,
  stepRouter
} from './router-core.ts'

type Wanted = Pick<NewInferenceRequest, 'task' | 'model'>

/** One call of `infer`. */
interface Run {
  readonly id: number
  readonly request: InferenceRequest
  readonly options: InferOptions
  answered: boolean
}

export interface RouterComponents {
  readonly clock: Clock
  readonly log: Logger
  newId(): string
  /** Everyone who offers the task or model, this node included. */
  offers(wanted: { task?: TaskName; model?: string }): Candidate[]
  /** The way to one of them. */
  service(peerId: string): Inference
  /** PeerId of the one that this name or PeerId means; throws unless it means exactly one. */
  peerCalled(called: string): string
  emit<N extends EventName>(name: N, data: EventData<N>): void
}

export class Router implements Inference {
  readonly #components: RouterComponents
  readonly #state: RouterState
  #lastId = 0

  constructor(components: RouterComponents) {
    this.#components = components
    this.#state = newRouter(components.clock.monotonicMs())
  }

  /** See {@link Inference.infer}; what the request leaves out is found among the offers. */
  async *infer(wanted: NewInferenceRequest, options: InferOptions = {}): AsyncGenerator<InferenceChunk> {
    const { clock, emit } = this.#components
    const request = this.#complete(wanted)
    const { id: requestId, task, model, budgetMs } = request
    const startedMs = clock.monotonicMs()
    const run = { id: ++this.#lastId, request, options, answered: false }
    // Leaving the loop early is a cancellation that throws nothing here.
    let failure: LumosError = new CancelledError()

    emit('inference.request_started', { requestId, task, model })
    try {
      const offers = this.#able(request, options)
      let effect = this.#step({ type: 'ask', id: run.id, budgetMs, offers })
      // One loop and no generator in between, which would cost more than all that is decided here.
      while (effect?.type === 'attempt') {
        const attempt = effect
        try {
          for await (const chunk of this.#ask(run, attempt)) {
            if (!this.#isPart(run, chunk)) return
            yield chunk
          }
          if (run.answered) return
          throw new EngineFailedError('The answer has no end.')
        } catch (thrown) {
          effect = this.#failed(run, attempt, toLumosError(thrown))
        }
      }
      if (effect?.type === 'fail') throw effect.failure
    } catch (thrown) {
      failure = toLumosError(thrown)
      throw failure
    } finally {
      this.#step({ type: 'cancel', id: run.id })
      if (!run.answered) {
        const durationMs = clock.monotonicMs() - startedMs
        const { code } = failure
        emit('inference.request_failed', { requestId, task, model, code, durationMs })
      }
    }
  }

  #ask(
    { request, options }: Run,
    { peer, budgetMs }: Extract<RouterEffect, { type: 'attempt' }>
  ): AsyncIterable<InferenceChunk> {
    const { task, model } = peer.capability
    options.signal?.throwIfAborted()
    options.onRoute?.({ ...namesOf(peer), task, model })
    return this.#components.service(peer.peerId).infer({ ...request, model, budgetMs }, options)
  }

  /** Whether the chunk belongs to the answer; the last one completes it. */
  #isPart(run: Run, chunk: InferenceChunk): boolean {
    const effect = this.#step({ type: 'chunk', id: run.id, last: chunk.type === 'done' })
    if (effect?.type === 'complete') {
      run.answered = true
      this.#completed(run.request, effect)
    }
    return effect !== undefined
  }

  /** @returns what to do next. @throws `failure` when the request has ended before. */
  #failed(
    { id, request, options }: Run,
    { peer: { peerId } }: Extract<RouterEffect, { type: 'attempt' }>,
    failure: LumosError
  ): RouterEffect {
    const unwanted = options.signal?.aborted === true
    const effect = this.#step({ type: 'failed', id, failure, unwanted })
    if (effect === undefined) throw failure
    this.#components.log.info(
      { requestId: request.id, peerId, code: failure.code },
      'a peer could not answer'
    )
    return effect
  }

  #completed(
    { id: requestId, task, model }: InferenceRequest,
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

  /** The first effect says it all: a whole answer is delivered as well. */
  #step(event: RouterEvent): RouterEffect | undefined {
    return stepRouter(this.#state, event, this.#components.clock.monotonicMs()).effects[0]
  }

  /**
   * Whom a request for this is sent to, best first, and why.
   *
   * @throws {NoProviderError} when nobody offers it.
   */
  explain(wanted: Wanted, options: InferOptions = {}): Ranked[] {
    return rankOffers(this.#state, this.#able(wanted, options), this.#components.clock.monotonicMs())
  }

  #able(wanted: Wanted, { peer }: InferOptions): Candidate[] {
    const { offers, peerCalled } = this.#components
    let able = offers({ task: wanted.task, model: wanted.model })

    if (peer !== undefined) {
      const only = peerCalled(peer)
      able = able.filter(({ peerId }) => peerId === only)
    }
    if (able.length === 0) throw this.#nobody(wanted.model ?? wanted.task ?? 'anything', peer)
    return able
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
    const offered = new Set(this.#components.offers({ model }).map(({ capability }) => capability.task))
    if (offered.size === 0) throw this.#nobody(model, undefined)
    const tasks = TASK_NAMES.filter(task => offered.has(task))
    return tasks.find(task => TASKS[task].input.safeParse(input).success) ?? tasks[0]!
  }

  #nobody(wanted: string, peer: string | undefined): NoProviderError {
    const offered = this.#components.offers({}).map(({ capability }) => capability.model)
    const closest = closestNames(wanted, offered)
    const message =
      peer === undefined
        ? `No device offers "${wanted}".`
        : `The device "${peer}" does not offer "${wanted}".`
    const hint = `${closest.length > 0 ? `Closest: ${closest.join(', ')}. ` : ''}See all: lumos-node models`
    return new NoProviderError(message, { hint })
  }
}

const namesOf = ({ peerId, name, local }: Candidate) =>
  ({ peerId, name, route: local ? 'local' : 'remote' }) as const
