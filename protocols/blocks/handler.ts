/**
 * The listener's half. A question is read when the answer before it is on its way, and one answer is fetched ahead, so a
 * stream holds two blocks beside what waits to be sent, whatever its peer asks.
 */

import type { Connection, Stream } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { CancelledError, ProtocolViolationError, toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { carryBulk } from '../transport/yamux.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { encodeError } from '../wire/errors.ts'
import type { Frame } from '../wire/frame-parser.ts'
import { type FrameInit, FrameStream, type FrameStreamOptions } from '../wire/frames.ts'
import { lend } from '../wire/lent-bytes.ts'
import { UNSENT_BYTES_MAX, UNSENT_BYTES_PER_PEER_MAX } from '../wire/limits.ts'
import { UnsentBytes } from '../wire/unsent-bytes.ts'
import {
  BLOCK_BYTES_MAX,
  Find,
  type FoundRepository,
  FRAME,
  OfBlock,
  OfComing,
  OfFile,
  PIECE_BYTES,
  type Share
} from './codec.ts'

/** What this node has, as one peer may see it: what is not for that peer is not there. */
export interface Holdings {
  find(ref: string): FoundRepository | undefined
  leaves(file: string, from: number): Uint8Array | undefined
  have(file: string, from: number): Uint8Array | undefined
  /** @param into of `BLOCK_BYTES_MAX`, where the answer may lie. */
  block(cid: string, into: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined>
  coming(question: OfComing): Promise<Share | undefined>
}

export interface BlocksHandlerComponents {
  readonly clock: Clock
  readonly log: Logger
  /** @throws {LumosError} where no question is answered now. */
  holdingsFor(peerId: string): Holdings
}

interface Served {
  readonly info?: Omit<FoundRepository, 'envelope'>
  readonly bytes: Uint8Array
}

/** Arrays that wait for the next leaf: what two fast streams use. */
const FREE_MAX = 8

/** What one peer leaves unread, on all its streams. */
interface Load {
  readonly unsent: UnsentBytes
  streams: number
}

export class BlocksHandler {
  readonly #components: BlocksHandlerComponents
  readonly #limits: Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'>
  readonly #total = new UnsentBytes(UNSENT_BYTES_MAX)
  readonly #loads = new Map<string, Load>()
  readonly #streams = new Set<FrameStream>()
  /** Of leaves that were sent. */
  #free: Uint8Array<ArrayBuffer>[] = []

  constructor(
    components: BlocksHandlerComponents,
    limits: Pick<FrameStreamOptions, 'framePatienceMs' | 'writePatienceMs'> = {}
  ) {
    this.#components = components
    this.#limits = limits
  }

  /** Serve a stream until it ends. Never rejects. */
  readonly onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    const peerId = connection.remotePeer.toString()
    const { clock, log } = this.#components
    const load = this.#loads.get(peerId) ?? {
      unsent: new UnsentBytes(UNSENT_BYTES_PER_PEER_MAX, this.#total),
      streams: 0
    }
    this.#loads.set(peerId, load)
    load.streams++
    carryBulk(stream)
    const frames = new FrameStream(stream, { ...this.#limits, clock, unsent: load.unsent })
    this.#streams.add(frames)
    try {
      await this.#serve(frames, peerId)
      await frames.close()
    } catch (err) {
      const { code, message } = toLumosError(err)
      if (code !== 'PEER_UNREACHABLE')
        log.debug({ peerId, code, why: message }, 'a stream of blocks was reset')
      frames.abort(err as Error)
    } finally {
      this.#streams.delete(frames)
      if (this.#streams.size === 0) this.#free = []
      if (--load.streams === 0) this.#loads.delete(peerId)
    }
  }

  /** Resets all streams. */
  close(): void {
    for (const frames of [...this.#streams]) frames.abort(new CancelledError('The node is stopping.'))
  }

  async #serve(frames: FrameStream, peerId: string): Promise<void> {
    let ahead: Promise<Served | undefined> | undefined
    for (;;) {
      if (ahead === undefined) {
        const question = frames.take() ?? (await frames.read())
        if (question === undefined) return
        ahead = this.#answer(question, peerId)
      }
      let served: Served | undefined
      try {
        served = await ahead
      } catch (err) {
        if (err instanceof ProtocolViolationError) throw err
        await frames.write(FRAME.refused, encodeError(err))
        return
      }
      const sent = this.#send(frames, served)
      // Its failure ends the loop at the next turn.
      sent.catch(() => {})
      const next = frames.take()
      ahead = next && this.#answer(next, peerId)
      ahead?.catch(() => {})
      await sent
    }
  }

  async #answer({ type, body }: Frame, peerId: string): Promise<Served | undefined> {
    const holdings = this.#components.holdingsFor(peerId)
    if (type === FRAME.block) return await this.#block(holdings, decodeControl(OfBlock, body).cid)
    if (type === FRAME.coming) {
      const share = await holdings.coming(decodeControl(OfComing, body))
      return served(share && encodeControl(share))
    }
    if (type === FRAME.find) {
      const found = holdings.find(decodeControl(Find, body).ref)
      if (found === undefined) return undefined
      const { envelope: bytes, ...info } = found
      return { bytes, info }
    }
    if (type !== FRAME.leaves && type !== FRAME.have) {
      throw new ProtocolViolationError(`There is no question of type ${type}.`)
    }
    const { file, from } = decodeControl(OfFile, body)
    return served(type === FRAME.leaves ? holdings.leaves(file, from) : holdings.have(file, from))
  }

  async #block(holdings: Holdings, cid: string): Promise<Served | undefined> {
    const into = this.#free.pop() ?? new Uint8Array(BLOCK_BYTES_MAX)
    const bytes = await holdings.block(cid, into)
    const giveBack = (): void => {
      if (this.#streams.size > 0 && this.#free.length < FREE_MAX) this.#free.push(into)
    }
    if (bytes?.buffer !== into.buffer) giveBack()
    else if (bytes.byteLength > 0) lend(bytes, giveBack)
    return served(bytes)
  }

  async #send(frames: FrameStream, answer: Served | undefined): Promise<void> {
    if (answer === undefined) {
      await frames.write(FRAME.missing, NOTHING)
      return
    }
    const { bytes, info } = answer
    const head: FrameInit = [FRAME.found, encodeControl({ ...info, bytes: bytes.byteLength })]
    await frames.writeAll([head])
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const room = frames.writeAll([[FRAME.piece, bytes.subarray(at, at + PIECE_BYTES)]])
      if (room !== undefined) await room
    }
  }
}

const served = (bytes: Uint8Array | undefined): Served | undefined => bytes && { bytes }
const NOTHING = new Uint8Array(0)
