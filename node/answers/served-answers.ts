/**
 * Answers that this device gives to members: they are kept, too, so that a device that loses its connection, or ends in the
 * middle of an answer, gets the rest. An answer whose asker has cancelled it ends at once, and is not kept.
 */

import { type ReadAnswerOptions, RequestId, requestIdOf } from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import type { Timer } from '../../interface/clock.ts'
import { CancelledError, toLumosError } from '../../interface/errors.ts'
import type { Inference, PreparedRequest, ServeOptions } from '../../interface/inference.ts'
import { definitionOf } from '../../interface/tasks/index.ts'
import type { MeshContext } from '../feature.ts'
import { type AnswerStore, nameOf } from './answer-store.ts'
import { KeptAnswer } from './kept-answer.ts'
import { chunksOfStored, infoOfKept, infoOfStored, type OpenedAnswer, unknown } from './opened.ts'
import type { Head } from './records.ts'

/** How long an answer goes on whose asker has lost its connection: a gateway starts again within seconds. */
export const GRACE_MS = 30_000
/** A device that has come back asks for the rest at once, or does not want it. */
const RETURN_MS = 5000
/** Answers of one peer that go on without it. They take slots beside those that it may have, so they are few. */
const ALONE_PER_PEER_MAX = 4
/** A stream that ended is a cancellation, unless its connection has ended by then. */
const GONE_WAIT_MS = 20

export interface ServedAnswersComponents {
  readonly mesh: MeshContext
  readonly store: AnswerStore
  readonly isOn: boolean
}

export class ServedAnswers {
  readonly #components: ServedAnswersComponents
  /** Answers that no peer reads, and when that is looked at again. */
  readonly #unread = new Map<KeptAnswer, Timer>()
  /** Answers that have lost their askers, the oldest first, and until when they go on. */
  readonly #until = new Map<KeptAnswer, number>()

  constructor(components: ServedAnswersComponents) {
    this.#components = components
  }

  infer(
    service: Inference,
    request: PreparedRequest,
    options: ServeOptions = {}
  ): AsyncIterable<InferenceChunk> {
    const { mesh, isOn, store } = this.#components
    const { askedBy = '', signal } = options
    const role = mesh.members.get(askedBy)?.role
    // The rest of an answer is none by itself: its asker has the beginning, and asks another peer again.
    const isWhole = request.resume === undefined
    const isText = definitionOf(request.task).pieces !== undefined
    const isKept =
      isOn && request.unkept !== true && (role === 'member' || role === 'admin') && isText && isWhole
    const name = nameOf('o', request.id)
    // A peer takes the place of its own answer at most: one of another peer, or one under way, stays.
    const before = store.askedBy(name)
    const isTaken = store.live(name) !== undefined || (before !== undefined && before !== askedBy)
    if (!isKept || isTaken) return service.infer(request, options)
    return this.#kept(name, request, askedBy, signal, answerSignal =>
      service.infer(request, { ...options, signal: answerSignal })
    )
  }

  /** A device that had lost its connection is here again: what it wants of its answers it asks for now. */
  onMember(peerId: string): void {
    for (const answer of [...this.#unread.keys()])
      if (answer.head.askedBy === peerId) this.#endIn(answer, RETURN_MS, 'Its asker does not read it.')
  }

  /** Deletes what is kept for the peer that asked for it, and for no other. */
  async forget(requestId: string, reader: string): Promise<void> {
    const { store, mesh } = this.#components
    const name = nameOf('o', requestId)
    const head = store.live(name)?.head ?? (await store.stored(name))?.head
    if (head === undefined || head.mesh !== mesh.meshId || head.askedBy !== reader) throw unknown()
    await store.erase(name)
  }

  /** For a member or admin that has the id of the answer; the one that asked has the id of its request. */
  async open(
    id: string,
    { from, follow = true, signal, reader }: ReadAnswerOptions & { readonly reader: string }
  ): Promise<OpenedAnswer> {
    const { store, mesh } = this.#components
    const byRequest = RequestId.safeParse(id).success
    const name = nameOf('o', byRequest ? id : requestIdOf(id))
    const mayRead = ({ askedBy }: Head) => !byRequest || askedBy === reader
    const live = store.live(name)
    if (live !== undefined) {
      if (!mayRead(live.head)) throw unknown()
      const isBack = follow && live.head.askedBy === reader
      const chunks = () => this.#chunksOf(live, isBack, { from, signal, follow })
      return { info: infoOfKept(id, live), note: null, chunks }
    }
    const stored = await store.stored(name)
    if (stored === undefined || stored.head.mesh !== mesh.meshId || !mayRead(stored.head)) throw unknown()
    return {
      info: infoOfStored(id, stored),
      note: null,
      chunks: () => chunksOfStored(store, name, stored, { from, follow })
    }
  }

  /** @param isBack whether its asker reads it. Other readers do not prolong it. */
  async *#chunksOf(
    answer: KeptAnswer,
    isBack: boolean,
    { from, ...options }: ReadAnswerOptions
  ): AsyncGenerator<InferenceChunk> {
    if (isBack) this.#read(answer)
    yield* answer.read(from, options)
  }

  async *#kept(
    name: string,
    request: PreparedRequest,
    askedBy: string,
    signal: AbortSignal | undefined,
    infer: (signal: AbortSignal) => AsyncIterable<InferenceChunk>
  ): AsyncGenerator<InferenceChunk> {
    const { mesh, store } = this.#components
    const { id, task, model = '' } = request
    const answer: KeptAnswer = new KeptAnswer({
      head: { id, mesh: mesh.meshId, createdAtMs: mesh.clock.wallMs(), askedBy },
      durable: false,
      route: { peerId: mesh.peerId, task, model },
      onChange: () => store.changed(answer, name),
      onUnread: () => this.#left(answer, askedBy, toLumosError(signal?.reason ?? new CancelledError())),
      load: (_, from) => store.chunks(name, from)
    })
    if (store.askedBy(name) !== undefined) await store.erase(name)
    void store.keep(name, answer)
    const ended = answer
      .run(options => infer(options.signal))
      .then(() => {
        this.#read(answer)
        if (answer.state === 'cancelled') void store.erase(name).catch(() => {})
      })
    try {
      yield* answer.read(undefined, { signal })
    } finally {
      // Its asker has cancelled it, whichever others read it.
      const reason = toLumosError(signal?.reason ?? new CancelledError())
      if (reason.code !== 'PEER_UNREACHABLE') answer.cancel(reason)
      // A request that is said to have ended takes no slot any more, unless it goes on without its asker.
      await Promise.race([ended, answer.alone])
    }
  }

  /** Its asker reads it no more: by its own choice, or because its connection is gone. */
  #left(answer: KeptAnswer, askedBy: string, reason: Error): void {
    const { mesh } = this.#components
    if (toLumosError(reason).code !== 'PEER_UNREACHABLE') {
      answer.cancel(reason)
      return
    }
    this.#wait(answer, GONE_WAIT_MS, () => {
      if (mesh.isConnected(askedBy)) answer.cancel(reason)
      else {
        answer.detach(true)
        this.#endIn(answer, GRACE_MS, 'Its asker has not come back.')
        const alone = [...this.#until.keys()].filter(
          ({ head, state }) => head.askedBy === askedBy && state === 'running'
        )
        if (alone.length > ALONE_PER_PEER_MAX)
          alone[0]!.cancel(new CancelledError(`Its asker has lost more than ${ALONE_PER_PEER_MAX} answers.`))
      }
    })
  }

  /** Unless its asker reads it. What has been said of its end is not moved to a later time. */
  #endIn(answer: KeptAnswer, ms: number, why: string): void {
    const nowMs = this.#components.mesh.clock.monotonicMs()
    const untilMs = Math.min(this.#until.get(answer) ?? Number.POSITIVE_INFINITY, nowMs + ms)
    this.#until.set(answer, untilMs)
    this.#wait(answer, untilMs - nowMs, () => answer.cancel(new CancelledError(why)))
  }

  #wait(answer: KeptAnswer, ms: number, then: () => void): void {
    this.#unread.get(answer)?.cancel()
    this.#unread.set(
      answer,
      this.#components.mesh.clock.setTimer(() => {
        this.#unread.delete(answer)
        if (answer.state === 'running' && answer.readers === 0) then()
      }, ms)
    )
  }

  #read(answer: KeptAnswer): void {
    this.#unread.get(answer)?.cancel()
    this.#unread.delete(answer)
    this.#until.delete(answer)
  }
}
