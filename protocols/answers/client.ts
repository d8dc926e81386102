/** The dialer's half: one answer that a peer keeps. */

import type { Stream } from '@libp2p/interface'
import { Answer } from '../../interface/answer.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import type { Clock } from '../../interface/clock.ts'
import { CancelledError, PeerUnreachableError, ProtocolViolationError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { textGeneration } from '../../interface/tasks/text-generation.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { decodeError } from '../wire/errors.ts'
import type { Frame } from '../wire/frame-parser.ts'
import { FrameStream } from '../wire/frames.ts'
import { FRAME_BYTES_HARD_MAX } from '../wire/limits.ts'
import { type Ask, decodeChunks, decodeNote, FRAME, Info } from './codec.ts'

export class RemoteAnswer {
  readonly info: Omit<Info, 'noteBytes'>
  readonly note: unknown
  readonly #frames: FrameStream
  readonly #ask: Ask

  private constructor(frames: FrameStream, { noteBytes: _, ...info }: Info, note: unknown, ask: Ask) {
    this.#frames = frames
    this.#ask = ask
    this.info = info
    this.note = note
  }

  /**
   * @param stream of `ANSWERS_PROTOCOL`.
   * @throws {LumosError} what the peer refuses it with.
   */
  static async open(
    stream: Stream,
    ask: Ask,
    { clock, signal }: AbortOptions & { readonly clock: Clock }
  ): Promise<RemoteAnswer> {
    const frames = new FrameStream(stream, { clock })
    try {
      await frames.write(FRAME.ask, encodeControl(ask), { signal })
      const info = decodeControl(Info, (await next(frames, FRAME.info, signal)).body)
      return new RemoteAnswer(frames, info, await noteOf(frames, info, signal), ask)
    } catch (err) {
      frames.abort(err as Error)
      throw err
    }
  }

  /**
   * To be called once. Each chunk once; then it returns, or throws what the answer ended with. Chunks beyond one answer,
   * or beyond those that the peer stated to a reader that does not follow, are not read.
   */
  async *chunks({ signal }: AbortOptions = {}): AsyncGenerator<InferenceChunk> {
    const { from, follow } = this.#ask
    const most = follow ? Number.POSITIVE_INFINITY : this.info.chunks
    const answer = boundedFrom(from)
    let index = from
    let over = false
    try {
      while (index < most) {
        const { type, body } = await next(this.#frames, undefined, signal)
        if (type === FRAME.end) {
          over = true
          if (body.byteLength > 0) throw decodeError(body)
          return
        }
        if (type !== FRAME.chunks)
          throw new ProtocolViolationError(`A listener of answers sends no frame of type ${type} here.`)
        for (const chunk of decodeChunks(body, index)) {
          const held = answer.accept(chunk)
          // Its asker says how the answer went on; an engine may not.
          yield chunk.type === 'done' ? chunk : held
          index++
          if (answer.ended || index >= most) return
        }
      }
    } finally {
      if (over) await this.#frames.close()
      else this.close()
    }
  }

  /** The chunks are not wanted. */
  close(): void {
    this.#frames.abort(new CancelledError('The answer is not read any more.'))
  }
}

/** What is kept comes in pieces, as answers in text do. With which parameters it was asked for is not known here. */
const boundedFrom = (index: number): Answer =>
  new Answer(
    { task: textGeneration.name, input: undefined, params: {}, resume: { index, text: '', tokens: [] } },
    what => new ProtocolViolationError(`A peer that keeps an answer ${what}.`)
  )

async function next(
  frames: FrameStream,
  type: number | undefined,
  signal: AbortSignal | undefined
): Promise<Frame> {
  const frame = frames.take() ?? (await frames.read({ signal, bytesMax: FRAME_BYTES_HARD_MAX }))
  if (frame === undefined) throw new PeerUnreachableError('The peer has closed the stream of an answer.')
  if (frame.type === FRAME.refused) throw decodeError(frame.body)
  if (type !== undefined && frame.type !== type)
    throw new ProtocolViolationError(`A peer sent a frame of type ${frame.type} in place of ${type}.`)
  return frame
}

async function noteOf(
  frames: FrameStream,
  { noteBytes }: Info,
  signal: AbortSignal | undefined
): Promise<unknown> {
  if (noteBytes === 0) return null
  const bytes = new Uint8Array(noteBytes)
  for (let at = 0; at < noteBytes; ) {
    const { body } = await next(frames, FRAME.note, signal)
    if (body.byteLength === 0 || at + body.byteLength > noteBytes)
      throw new ProtocolViolationError('A peer sent more or less of a note than it stated.')
    bytes.set(body, at)
    at += body.byteLength
  }
  return decodeNote(bytes)
}
