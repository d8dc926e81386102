/** One call of the router's `infer`. */

import type { Continued, ProgressChunk } from '../../interface/chunks.ts'
import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { InferenceChunk, PreparedRequest } from '../../interface/inference.ts'
import type { InferOptions } from '../../interface/node.ts'
import { isRepeatable } from '../../interface/resume.ts'
import { definitionOf } from '../../interface/tasks/index.ts'
import type { Asking, NewAsking } from './asking.ts'
import { Attempts } from './attempts.ts'
import { leavesMesh } from './policies.ts'
import type { Candidate, RankedCandidate } from './rank.ts'
import type { AttemptEffect } from './router-state.ts'
import { Said } from './said.ts'

export class Run {
  readonly id: number
  readonly request: PreparedRequest
  readonly options: InferOptions
  readonly attempts: Attempts
  /** Peers that were asked, by attempt. */
  readonly peers = new Map<number, RankedCandidate>()
  /** The last attempt that the caller was told of. */
  routed = 0
  failure: LumosError | undefined
  answered = false
  /** Until the first chunk that the caller got, and what the peer states at the end. */
  measured: { firstChunkMs?: number; inputTokens?: number | undefined; outputTokens?: number | undefined } =
    {}
  /** Said before the next chunk: the answer goes on from another peer. */
  seam: ProgressChunk | undefined
  /** How the answer went on where it was cut. */
  continued: Continued | undefined
  /** What the caller was given; absent where the answer is not to go on elsewhere. */
  #said: Said | undefined
  /** Peers that could be asked when the request came. */
  #offers: readonly Candidate[] = []
  /** The attempt whose chunk came last. */
  #answering = 0
  /** How attempts said that they go on. */
  readonly #ways = new Map<number, Continued>()

  readonly #clock: Clock
  readonly #beganMs: number
  readonly asking: Asking
  readonly answeredBy: NewAsking['answeredBy']

  constructor(
    id: number,
    request: PreparedRequest,
    options: InferOptions,
    clock: Clock,
    { asking, answeredBy }: NewAsking
  ) {
    this.id = id
    this.request = request
    this.options = options
    this.attempts = new Attempts(clock)
    this.#clock = clock
    this.#beganMs = clock.monotonicMs()
    this.asking = asking
    this.answeredBy = answeredBy
  }

  /** Chunks that the caller had before. */
  get from(): number {
    return this.options.after?.length ?? 0
  }

  /**
   * Peers that can be asked. Where none of them goes on with an answer, nothing is kept for that.
   *
   * @returns those that are asked: all of them, or for the rest of an answer those of the mesh that go on.
   * @throws {LumosError} `STREAM_INTERRUPTED` where that is none.
   */
  offered(offers: readonly Candidate[]): readonly Candidate[] {
    const { continuation, after = [] } = this.options
    // An answer that goes on is not kept waiting for a device that sleeps.
    this.#offers = offers.filter(({ wakeMs }) => wakeMs === undefined)
    const able = this.#offers.filter(this.goesOn)
    if (continuation !== 'none' && definitionOf(this.request.task).pieces !== undefined && able.length > 0)
      this.#said = new Said()
    if (after.length === 0) return offers
    for (const chunk of after) this.#said?.add(chunk)
    const here = able.filter(candidate => !leavesMesh(candidate))
    if (here.length > 0 && this.#said?.isKept) return here
    throw new LumosError(
      'STREAM_INTERRUPTED',
      `No device goes on with the answer after ${after.length} chunks.`,
      {
        details: { received: after.length }
      }
    )
  }

  /** Whether a peer goes on with an answer to this request that another one began. */
  readonly goesOn = ({ capability: { resumes, repeats } }: Pick<Candidate, 'capability'>): boolean =>
    resumes === true || (repeats === true && isRepeatable(this.request.params))

  /** Whether another peer may go on with the answer. */
  get continues(): boolean {
    return this.#said !== undefined
  }

  /** The model that answers, where another peer could go on with it now. */
  get continuedModel(): string | undefined {
    if (!this.#said?.isKept) return undefined
    const model = this.peers.get(this.#answering)?.capability.model
    return model ?? (this.from > 0 ? this.request.model : undefined)
  }

  /** What the peer of an attempt is asked. Only one that knows the keys is sent them. */
  requestFor({ peer, budgetMs, from }: AttemptEffect): PreparedRequest {
    const { model } = peer.capability
    const { receipt, unkept, traceId } = this.options
    const wishes = {
      ...(receipt === true && { receipt }),
      ...(unkept === true && { unkept }),
      ...(traceId !== undefined && { traceId })
    }
    const request = { ...this.request, model, budgetMs, ...wishes }
    if (!this.goesOn(peer) || this.#said === undefined) return request
    const isMovable =
      this.options.peer === undefined &&
      this.#offers.some(
        other => other.peerId !== peer.peerId && other.capability.model === model && this.goesOn(other)
      )
    return {
      ...request,
      ...(from > 0 && { resume: this.#said.resume }),
      ...(isMovable && { movable: true })
    }
  }

  /** A report of progress; that of how the answer goes on is given when it does. @returns whether the caller gets it. */
  noteProgress(attempt: number, { continued }: ProgressChunk): boolean {
    if (continued !== undefined) this.#ways.set(attempt, continued)
    return continued === undefined && this.routed === attempt
  }

  /** A chunk that the caller gets. */
  noteChunk(attempt: number, chunk: InferenceChunk): void {
    if (this.#answering !== attempt) {
      this.attempts.settle(attempt)
      if (this.#answering !== 0 || this.from > 0) this.#goesOn(attempt, chunk.index)
      this.#answering = attempt
    }
    this.measured.firstChunkMs ??= this.#clock.monotonicMs() - this.#beganMs
    if (chunk.type === 'done') {
      const { inputTokens, outputTokens } = chunk.usage
      this.measured = { ...this.measured, inputTokens, outputTokens }
    }
    this.#said?.add(chunk)
  }

  #goesOn(attempt: number, index: number): void {
    // A peer that does not say how it goes on cannot be known to do so exactly.
    const continued = this.#ways.get(attempt) ?? 'prefill'
    if (this.continued !== 'prefill') this.continued = continued
    this.seam = { type: 'progress', index, stage: 'continued', done: index, continued }
  }
}
