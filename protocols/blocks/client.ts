/** The dialer's half: questions on one stream, whose answers come in their order. */

import type { Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import {
  CancelledError,
  LumosError,
  PeerUnreachableError,
  ProtocolViolationError,
  toLumosError
} from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { carryBulk } from '../transport/yamux.ts'
import { REPOSITORY_MANIFEST_BYTES_MAX } from '../weights/repository-manifest.ts'
import { allocate } from '../wire/bytes.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { decodeError } from '../wire/errors.ts'
import type { Frame } from '../wire/frame-parser.ts'
import { FrameStream, type FrameStreamOptions } from '../wire/frames.ts'
import {
  BLOCK_BYTES_MAX,
  DIGEST_BYTES,
  Found,
  type FoundRepository,
  FRAME,
  LEAVES_PER_ANSWER,
  LEAVES_PER_BITMAP,
  type OfComing,
  PIECE_BYTES,
  SHARE_BYTES_MAX,
  Share
} from './codec.ts'

/** For a whole answer. A leaf that takes longer comes at less than 18 KB/s, and holds up those that wait for it. */
const ANSWER_PATIENCE_MS = 60_000

export interface BlocksClientOptions extends Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'> {
  readonly clock: Clock
  readonly answerPatienceMs?: number
}

interface Answer {
  readonly found: Found
  readonly bytes: Uint8Array<ArrayBuffer>
}

interface Question {
  readonly bytesMax: number
  /** Where the answer goes, so that gigabytes of blocks go through the same few arrays. */
  readonly into: Uint8Array<ArrayBuffer> | undefined
  /** Nothing for what the peer does not have. */
  settle(answer: Answer | undefined): void
  fail(err: Error): void
}

export class BlocksClient {
  readonly #frames: FrameStream
  readonly #clock: Clock
  readonly #answerPatienceMs: number
  /** Whose answers are owed, in order. One that was given up stays, and its answer is dropped. */
  readonly #questions: Question[] = []
  #reading = false
  #lost: Error | undefined

  constructor(stream: Stream, options: BlocksClientOptions) {
    carryBulk(stream)
    this.#frames = new FrameStream(stream, { ...options, inPieces: FRAME.piece })
    this.#clock = options.clock
    this.#answerPatienceMs = options.answerPatienceMs ?? ANSWER_PATIENCE_MS
  }

  /** Whether the stream is gone. */
  get lost(): boolean {
    return this.#lost !== undefined || this.#frames.stream.status !== 'open'
  }

  /** @param ref a name, a CID, or the SHA-256 of a file in hex. */
  async find(ref: string, options?: AbortOptions): Promise<FoundRepository | undefined> {
    const answer = await this.#ask(FRAME.find, { ref }, REPOSITORY_MANIFEST_BYTES_MAX, options)
    if (answer === undefined) return undefined
    const { bytesHave = 0, bytesTotal = 0 } = answer.found
    return { envelope: answer.bytes, bytesHave: Math.min(bytesHave, bytesTotal), bytesTotal }
  }

  /** The SHA-256 of leaves, one after the other: `LEAVES_PER_ANSWER` at most. */
  async leaves(file: string, from: number, options?: AbortOptions): Promise<Uint8Array | undefined> {
    const bytesMax = LEAVES_PER_ANSWER * DIGEST_BYTES
    return (await this.#ask(FRAME.leaves, { file, from }, bytesMax, options))?.bytes
  }

  /** A bit for each leaf, the lowest first: `LEAVES_PER_BITMAP` at most. */
  async have(file: string, from: number, options?: AbortOptions): Promise<Uint8Array | undefined> {
    return (await this.#ask(FRAME.have, { file, from }, LEAVES_PER_BITMAP / 8, options))?.bytes
  }

  /** Of a file that both download. What it states and lists is not verified. */
  async coming(question: OfComing, options?: AbortOptions): Promise<Share | undefined> {
    const answer = await this.#ask(FRAME.coming, question, SHARE_BYTES_MAX, options)
    return answer && decodeControl(Share, answer.bytes)
  }

  /**
   * Not verified.
   *
   * @param options.into of `BLOCK_BYTES_MAX`; it is the client's until the block has come, or the stream is lost.
   */
  async block(
    cid: string,
    { into, ...options }: AbortOptions & { into?: Uint8Array<ArrayBuffer> } = {}
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await this.#ask(FRAME.block, { cid }, BLOCK_BYTES_MAX, options, into))?.bytes
  }

  async close(): Promise<void> {
    this.#fail(new PeerUnreachableError('The stream was closed.'))
    await this.#frames.close()
  }

  /** Reset the stream: the listener stops sending. */
  abort(err: Error): void {
    this.#fail(err)
    this.#frames.abort(err)
  }

  #ask(
    type: number,
    control: unknown,
    bytesMax: number,
    { signal }: AbortOptions = {},
    into?: Uint8Array<ArrayBuffer>
  ): Promise<Answer | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) throw this.#lost
      if (signal?.aborted) throw new CancelledError(undefined, { cause: signal.reason })
      const onAbort = (): void => reject(new CancelledError(undefined, { cause: signal?.reason }))
      const done = (): void => signal?.removeEventListener('abort', onAbort)
      signal?.addEventListener('abort', onAbort)
      this.#questions.push({
        bytesMax,
        into,
        settle(answer) {
          done()
          resolve(answer)
        },
        fail(err) {
          done()
          reject(err)
        }
      })
      try {
        // A write that fails later has lost the stream, and the read fails with it.
        this.#frames.writeAll([[type, encodeControl(control)]])?.catch(() => {})
        if (!this.#reading) void this.#read()
      } catch (err) {
        this.#fail(err as Error)
      }
    })
  }

  async #read(): Promise<void> {
    this.#reading = true
    try {
      for (let question = this.#questions[0]; question !== undefined; question = this.#questions[0]) {
        const answer = await this.#inTime(question)
        if (this.#questions.shift() !== question) return
        question.settle(answer)
      }
    } catch (err) {
      this.abort(toLumosError(err))
    } finally {
      this.#reading = false
    }
  }

  /** A peer that sends a byte now and then sends no answer. */
  async #inTime(question: Question): Promise<Answer | undefined> {
    const ms = this.#answerPatienceMs
    const late = new LumosError('SLOW_PEER', `The peer has not sent an answer within ${ms} ms.`)
    const timer = this.#clock.setTimer(() => this.abort(late), ms)
    try {
      return await this.#answer(question)
    } finally {
      timer.cancel()
    }
  }

  async #answer({ bytesMax, into }: Question): Promise<Answer | undefined> {
    const head = await this.#next()
    if (head.type === FRAME.missing) return undefined
    if (head.type === FRAME.refused) throw decodeError(head.body)
    if (head.type !== FRAME.found)
      throw new ProtocolViolationError(`An answer began with a frame of type ${head.type}.`)
    const found = decodeControl(Found, head.body)
    if (found.bytes > bytesMax) {
      throw new ProtocolViolationError(`An answer of ${found.bytes} bytes is over the limit of ${bytesMax}.`)
    }
    const bytes = into?.subarray(0, found.bytes) ?? allocate(found.bytes)
    if (bytes.byteLength > 0)
      await this.#frames.fill(bytes, FRAME.piece, { owed: true, bytesMax: PIECE_BYTES })
    return { found, bytes }
  }

  async #next(): Promise<Frame> {
    const frame = this.#frames.take() ?? (await this.#frames.read({ owed: true, bytesMax: PIECE_BYTES }))
    if (frame === undefined) throw new PeerUnreachableError('The peer has closed the stream.')
    return frame
  }

  #fail(err: Error): void {
    this.#lost ??= err
    for (const question of this.#questions.splice(0)) question.fail(this.#lost)
  }
}
