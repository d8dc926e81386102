/**
 * One answer as it comes: its source is asked for a chunk when a reader waits for it, so a slow reader slows the device
 * that answers. One that is detached is read to its end without readers.
 *
 * The last chunks are in memory. A reader that is further behind reads what is on disk.
 */

import type { AnswerRoute, AnswerSource, AnswerState } from '../../interface/answers.ts'
import type { InferenceChunk, ProgressChunk } from '../../interface/chunks.ts'
import { CancelledError, InvalidInputError, LumosError, toLumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { type ContentDigest, ended } from './content-digest.ts'
import type { Head } from './records.ts'

/** Chunks in memory beside those that are not on disk yet: half a minute of a fast model. */
const TAIL_MAX = 512

export interface KeptAnswerOptions {
  readonly head: Head
  readonly durable: boolean
  /** Chunks that are on disk from an earlier life of this node. */
  readonly kept?: { readonly first: number; readonly next: number }
  readonly route?: AnswerRoute | undefined
  /** Of the chunks before, where `done` is to say what all of them are. */
  readonly digest?: ContentDigest | undefined
  /** There is something to write. */
  onChange(answer: KeptAnswer): void
  /** Its last reader has left, and it still runs. */
  onUnread(answer: KeptAnswer): void
  /** Some chunks from this index on, from the disk. */
  load(answer: KeptAnswer, from: number): Promise<readonly InferenceChunk[]>
}

export class KeptAnswer {
  readonly head: Head
  readonly #options: KeptAnswerOptions
  readonly #stop = new AbortController()
  readonly #alone = Promise.withResolvers<void>()
  /** Resolves when it goes on without readers. */
  readonly alone: Promise<void> = this.#alone.promise
  /** Index of the first chunk: not 0 where another device has given those before it. */
  #first: number
  #next: number
  #tailFrom: number
  #tail: InferenceChunk[] = []
  #written: number
  #progress: ProgressChunk | undefined
  #waiting: (() => void)[] = []
  #demand: (() => void) | undefined
  #readers = 0
  #detached: boolean
  state: AnswerState = 'running'
  failure: LumosError | undefined
  route: AnswerRoute | undefined
  /** Devices that have answered, or were asked to. */
  readonly peers = new Set<string>()

  constructor(options: KeptAnswerOptions) {
    this.#options = options
    const { head, durable, kept, route } = options
    this.head = head
    this.#detached = durable
    this.#first = kept?.first ?? 0
    this.#next = kept?.next ?? 0
    this.#tailFrom = this.#next
    this.#written = this.#next
    this.route = route
  }

  get durable(): boolean {
    return this.#options.durable
  }

  get first(): number {
    return this.#first
  }

  get chunks(): number {
    return this.#next
  }

  /** Where the request waits for its turn. */
  get queue(): ProgressChunk['queue'] {
    return this.state === 'running' && this.#next === this.#first ? this.#progress?.queue : undefined
  }

  get readers(): number {
    return this.#readers
  }

  /** What is not on disk yet. */
  get unwritten(): readonly InferenceChunk[] {
    return this.#tail.slice(this.#written - this.#tailFrom)
  }

  /** These many of them are on disk now. */
  written(count: number): void {
    this.#written += count
    const over = Math.min(this.#tail.length - TAIL_MAX, this.#written - this.#tailFrom)
    if (over < TAIL_MAX) return
    this.#tail = this.#tail.slice(over)
    this.#tailFrom += over
  }

  /** Resolves when the source has ended. Never rejects. */
  async run(source: AnswerSource): Promise<void> {
    const { signal } = this.#stop
    const onRoute = (route: AnswerRoute) => {
      this.route = route
      this.peers.add(route.peerId)
    }
    try {
      await this.#wanted()
      for await (const chunk of source({ signal, onRoute })) {
        if (this.state !== 'running') break
        this.#add(chunk)
        await this.#wanted()
      }
      if (this.state === 'running')
        throw new LumosError('STREAM_INTERRUPTED', 'The answer ended without its end.')
    } catch (thrown) {
      const failure = toLumosError(thrown)
      this.end(signal.aborted || failure.code === 'CANCELLED' ? 'cancelled' : 'failed', failure)
    }
  }

  /** Goes on without readers from now on, or does so no more. */
  detach(detached: boolean): void {
    this.#detached = detached
    if (!detached) return
    this.#alone.resolve()
    this.#pull()
  }

  cancel(reason: unknown = new CancelledError('The answer was cancelled.')): void {
    if (this.state !== 'running') return
    this.#stop.abort(reason)
    this.end('cancelled', toLumosError(reason))
  }

  end(state: AnswerState, failure?: LumosError): void {
    if (this.state !== 'running') return
    this.state = state
    this.failure = failure
    this.#wake()
    this.#pull()
    this.#options.onChange(this)
  }

  /** See {@link Answers.read}. */
  async *read(
    from: number | undefined,
    { signal, follow = true }: AbortOptions & { readonly follow?: boolean } = {}
  ): AsyncGenerator<InferenceChunk> {
    let at = from ?? this.#first
    let progress = this.#progress
    const onAbort = () => this.#wake()
    signal?.addEventListener('abort', onAbort)
    this.#readers++
    try {
      for (;;) {
        signal?.throwIfAborted()
        // Which chunk is the first is known when it has come.
        if (from === undefined) at = Math.max(at, this.#first)
        if (at < this.#next) {
          const chunks = at < this.#tailFrom ? await this.#fromDisk(at) : [this.#tail[at - this.#tailFrom]!]
          for (const chunk of chunks) yield chunk
          at += chunks.length
          continue
        }
        if (progress !== this.#progress) {
          progress = this.#progress
          if (progress !== undefined && this.state === 'running') yield progress
        } else if (!follow) return
        else if (this.state !== 'running') {
          if (this.failure !== undefined) throw this.failure
          if (at > this.#next) throw beyond(at, this.#next)
          return
        } else await this.#more()
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#readers--
      if (this.#readers === 0 && this.state === 'running') this.#options.onUnread(this)
    }
  }

  async #fromDisk(at: number): Promise<readonly InferenceChunk[]> {
    if (at < this.#first)
      throw new LumosError('ANSWER_UNKNOWN', `This device has the answer from chunk ${this.#first} on.`)
    const chunks = await this.#options.load(this, at)
    if (chunks.length > 0) return chunks
    throw new LumosError('ANSWER_UNKNOWN', `Chunk ${at} of the answer is not kept.`)
  }

  #add(chunk: InferenceChunk): void {
    if (chunk.type === 'progress') {
      this.#progress = chunk
      this.#wake()
      return
    }
    if (this.#next === 0 && this.#tail.length === 0) {
      this.#first = chunk.index
      this.#next = chunk.index
      this.#tailFrom = chunk.index
      this.#written = chunk.index
    }
    const { digest } = this.#options
    digest?.add(chunk)
    const isLast = chunk.type === 'done'
    this.#tail.push(isLast ? ended(chunk, this.#first === 0 ? digest : undefined) : chunk)
    this.#next++
    if (isLast) this.end('done')
    else {
      this.#wake()
      this.#options.onChange(this)
    }
  }

  /** Resolves when a reader waits for the next chunk. */
  async #wanted(): Promise<void> {
    if (this.#detached || this.#waiting.length > 0 || this.state !== 'running') return
    await new Promise<void>(resolve => {
      this.#demand = resolve
    })
  }

  #more(): Promise<void> {
    return new Promise(resolve => {
      this.#waiting.push(resolve)
      this.#pull()
    })
  }

  #pull(): void {
    this.#demand?.()
    this.#demand = undefined
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

const beyond = (at: number, chunks: number): LumosError =>
  new InvalidInputError(`The answer has ended with ${chunks} chunks; there is no chunk ${at}.`)
