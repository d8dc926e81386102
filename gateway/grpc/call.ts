/** One call of gRPC: a stream of HTTP/2 with messages in it, and a status at its end. */

import { constants, type ServerHttp2Stream } from 'node:http2'
import type { Clock, Timer } from '../../interface/clock.ts'
import {
  CancelledError,
  InvalidInputError,
  LumosError,
  TimeoutError,
  toLumosError
} from '../../interface/errors.ts'
import { DEFAULT_BUDGET_MS, MAX_BUDGET_MS } from '../../interface/inference.ts'
import { OK_TRAILERS, trailersOf } from './status.ts'

/** Whether it is compressed, and how long it is. */
const PREFIX_BYTES = 5
const FIRST_BYTES = 1024
/** On loopback a request is there at once; this is for a client that never sends all of it. */
const REQUEST_TIMEOUT_MS = 60_000

/** Longer than an answer takes to arrive. */
const UNREAD_MS = 5000

const TIMEOUT = /^(\d{1,8})([HMSmun])$/
const UNIT_MS: Readonly<Record<string, number>> = {
  ...{ H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000_001 }
}

/** How long the message may be whose first bytes these are; `undefined` while they are too few to say. */
export type LimitOf = (head: Buffer) => number | undefined

export class GrpcCall {
  readonly #stream: ServerHttp2Stream
  readonly #clock: Clock
  readonly #ending = new AbortController()
  readonly #deadline: Timer | undefined
  #ended = false
  /** Time that the whole call may take. */
  readonly budgetMs: number
  /** Sent with the first message. */
  headers: Readonly<Record<string, string>> = {}

  constructor(stream: ServerHttp2Stream, clock: Clock, timeout: string | undefined) {
    this.#stream = stream
    this.#clock = clock
    // Node says by it that the stream was reset; `close` follows.
    stream.on('error', () => {})
    stream.once('close', () => {
      this.#deadline?.cancel()
      this.#ended = true
      this.#ending.abort(new CancelledError('The client is gone.'))
    })
    const givenMs = timeoutMs(timeout)
    const wanted = Number.isFinite(givenMs) ? Math.ceil(givenMs!) : DEFAULT_BUDGET_MS
    this.budgetMs = Math.min(Math.max(1, wanted), MAX_BUDGET_MS)
    if (givenMs !== undefined && givenMs <= MAX_BUDGET_MS)
      this.#deadline = clock.setTimer(
        () => this.end(new TimeoutError('The deadline of the call has passed.')),
        givenMs
      )
    if (Number.isNaN(givenMs)) this.end(new InvalidInputError('The deadline of the call cannot be read.'))
  }

  /** Aborts when the call has ended, however. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  get ended(): boolean {
    return this.#ended
  }

  /** The one message of a method that takes one. */
  async message(limitOf: LimitOf): Promise<Buffer> {
    const late = this.#clock.setTimer(
      () => this.end(new TimeoutError('The request did not come in time.')),
      REQUEST_TIMEOUT_MS
    )
    try {
      for await (const message of this.messages(limitOf)) return message
    } finally {
      late.cancel()
    }
    this.signal.throwIfAborted()
    throw new InvalidInputError('The call has no message.')
  }

  /** Each is bounded before its memory is taken. Frames of one byte each take no more than a large one. */
  async *messages(limitOf: LimitOf): AsyncGenerator<Buffer> {
    let held = Buffer.alloc(FIRST_BYTES)
    let length = 0
    const chunks: AsyncIterable<Buffer> = this.#stream.iterator({ destroyOnReturn: false })
    for await (const chunk of chunks) {
      if (length + chunk.length > held.length) held = grown(held, length, length + chunk.length)
      chunk.copy(held, length)
      length += chunk.length
      for (;;) {
        const size = sizeOf(held.subarray(0, length), limitOf)
        if (size === undefined || length < PREFIX_BYTES + size) break
        yield held.subarray(PREFIX_BYTES, PREFIX_BYTES + size)
        // What was given out stays as it is.
        held = Buffer.from(held.subarray(PREFIX_BYTES + size, length))
        length = held.length
      }
    }
    if (length > 0) throw new InvalidInputError('The last message of the call is cut off.')
  }

  /** Resolves when the client takes more. */
  async send(message: Buffer): Promise<void> {
    if (this.#ended) return
    this.#begin()
    const prefix = Buffer.alloc(PREFIX_BYTES)
    prefix.writeUInt32BE(message.length, 1)
    this.#stream.write(prefix)
    if (this.#stream.write(message)) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#stream.once('drain', resolve)
    this.signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    this.#stream.off('drain', resolve)
  }

  /** With the error, or well. The first end counts. */
  end(thrown?: unknown): void {
    if (this.#ended) return
    this.#ended = true
    this.#deadline?.cancel()
    const error = thrown === undefined ? undefined : toLumosError(thrown)
    const trailers = error === undefined ? OK_TRAILERS : trailersOf(error)
    this.#ending.abort(error ?? new CancelledError('The call has ended.'))
    const stream = this.#stream
    if (stream.destroyed) return
    // What the client still sends is dropped for a while: a stream that is reset loses its trailers on the way.
    if (!stream.readableEnded) {
      const unread = this.#clock.setTimer(() => stream.close(constants.NGHTTP2_NO_ERROR), UNREAD_MS)
      stream.once('close', () => unread.cancel())
      stream.resume()
    }
    if (stream.headersSent) {
      stream.once('wantTrailers', () => stream.sendTrailers(trailers))
      stream.end()
    } else {
      const status = error?.code === 'MEDIA_TYPE_UNSUPPORTED' ? 415 : 200
      stream.respond({ ...HEADERS, ':status': status, ...this.headers, ...trailers }, { endStream: true })
      stream.end()
    }
  }

  #begin(): void {
    if (this.#stream.headersSent) return
    this.#stream.respond({ ...HEADERS, ':status': 200, ...this.headers }, { waitForTrailers: true })
  }
}

const HEADERS = { 'content-type': 'application/grpc+proto', 'grpc-accept-encoding': 'identity' } as const

function sizeOf(held: Buffer, limitOf: LimitOf): number | undefined {
  if (held.length < PREFIX_BYTES) return undefined
  if (held[0] !== 0)
    throw new LumosError('NOT_SUPPORTED', 'Messages are taken uncompressed: grpc-encoding identity.')
  const size = held.readUInt32BE(1)
  const head = held.subarray(PREFIX_BYTES, PREFIX_BYTES + size)
  const limit = size <= FIRST_BYTES ? FIRST_BYTES : limitOf(head)
  if (limit === undefined) return undefined
  if (size > limit)
    throw new LumosError('INPUT_TOO_LARGE', `The message has ${size} bytes; ${limit} are taken here.`)
  return size
}

function grown(held: Buffer<ArrayBuffer>, length: number, needed: number): Buffer<ArrayBuffer> {
  const larger = Buffer.alloc(Math.max(needed, 2 * held.length))
  held.copy(larger, 0, 0, length)
  return larger
}

/** Not a number: it cannot be read. */
function timeoutMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const [, count, unit] = TIMEOUT.exec(header) ?? []
  return count === undefined ? Number.NaN : Number(count) * UNIT_MS[unit!]!
}
