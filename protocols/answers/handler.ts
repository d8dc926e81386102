/** The listener's half: answers that this node keeps, for peers that have their ids. */

import type { Connection, Stream } from '@libp2p/interface'
import type { InferenceChunk } from '../../interface/chunks.ts'
import type { Clock } from '../../interface/clock.ts'
import {
  CancelledError,
  OverloadedError,
  ProtocolViolationError,
  toLumosError
} from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { encodeError } from '../wire/errors.ts'
import { FrameStream, type FrameStreamOptions } from '../wire/frames.ts'
import { UNSENT_BYTES_MAX, UNSENT_BYTES_PER_PEER_MAX } from '../wire/limits.ts'
import { UnsentBytes } from '../wire/unsent-bytes.ts'
import { ASK_BYTES_MAX, Ask, encodeChunks, encodeNote, FRAME, type Info, NOTE_PIECE_BYTES } from './codec.ts'

/** Answers that all peers together read at once: each has a megabyte of chunks in hand at most. */
const READERS_MAX = 64
const RETRY_AFTER_MS = 1000

/** An answer as one peer reads it. */
export interface OpenAnswer {
  readonly info: Omit<Info, 'noteBytes'>
  readonly note: unknown
  readonly chunks: AsyncIterable<InferenceChunk>
}

export interface AnswersHandlerComponents {
  readonly clock: Clock
  readonly log: Logger
  /** @throws {LumosError} where this node does not have it, or the peer may not read it. */
  open(peerId: string, ask: Ask, signal: AbortSignal): Promise<OpenAnswer>
}

export interface AnswersHandlerLimits
  extends Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'> {
  readonly readersMax?: number
}

export class AnswersHandler {
  readonly #components: AnswersHandlerComponents
  readonly #limits: AnswersHandlerLimits
  readonly #total = new UnsentBytes(UNSENT_BYTES_MAX)
  readonly #streams = new Set<FrameStream>()

  constructor(components: AnswersHandlerComponents, limits: AnswersHandlerLimits = {}) {
    this.#components = components
    this.#limits = limits
  }

  /** Serve a stream until it ends. Never rejects. */
  readonly onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const peerId = connection.remotePeer.toString()
    const { clock, log } = this.#components
    const unsent = new UnsentBytes(UNSENT_BYTES_PER_PEER_MAX, this.#total)
    const frames = new FrameStream(stream, { ...this.#limits, clock, unsent })
    const gone = new AbortController()
    stream.addEventListener('close', () =>
      gone.abort(new CancelledError('The peer reads the answer no more.'))
    )
    this.#streams.add(frames)
    try {
      await this.#serve(frames, peerId, gone.signal)
      await frames.close()
    } catch (err) {
      const { code, message } = toLumosError(err)
      if (!gone.signal.aborted) log.debug({ peerId, code, why: message }, 'a stream of an answer was reset')
      frames.abort(err as Error)
    } finally {
      this.#streams.delete(frames)
    }
  }

  /** Resets all streams. */
  close(): void {
    for (const frames of [...this.#streams]) frames.abort(new CancelledError('The node is stopping.'))
  }

  async #serve(frames: FrameStream, peerId: string, signal: AbortSignal): Promise<void> {
    const frame = await frames.read({ owed: true, bytesMax: ASK_BYTES_MAX })
    if (frame === undefined) return
    if (frame.type !== FRAME.ask)
      throw new ProtocolViolationError(`A dialer of answers sends no frame of type ${frame.type}.`)
    const ask = decodeControl(Ask, frame.body)
    let answer: OpenAnswer
    try {
      if (this.#streams.size > (this.#limits.readersMax ?? READERS_MAX))
        throw new OverloadedError('Too many answers are being read here.', RETRY_AFTER_MS)
      answer = await this.#components.open(peerId, ask, signal)
    } catch (err) {
      await frames.write(FRAME.refused, encodeError(err))
      return
    }
    await writeHead(frames, answer)
    let end: Uint8Array = NOTHING
    try {
      for await (const chunk of answer.chunks) {
        if (chunk.type === 'progress') continue
        const room = frames.writeAll([[FRAME.chunks, encodeChunks([chunk])]])
        if (room !== undefined) await room
      }
    } catch (err) {
      if (signal.aborted) throw err
      end = encodeError(err)
    }
    await frames.write(FRAME.end, end)
  }
}

async function writeHead(frames: FrameStream, { info, note }: OpenAnswer): Promise<void> {
  const bytes = note === null || note === undefined ? NOTHING : encodeNote(note)
  await frames.write(FRAME.info, encodeControl({ ...info, noteBytes: bytes.byteLength }))
  for (let at = 0; at < bytes.byteLength; at += NOTE_PIECE_BYTES)
    await frames.write(FRAME.note, bytes.subarray(at, at + NOTE_PIECE_BYTES))
}

const NOTHING = new Uint8Array(0)
