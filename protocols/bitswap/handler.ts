/**
 * The answering half of Bitswap. It asks no peer for anything and keeps no block that one sends. One block a
 * connection is in memory, however many are wanted: Helia's own reads all wanted blocks before it sends the first.
 */

import type { Connection, Stream, StreamMessageEvent } from '@libp2p/interface'
import type { Clock } from '../../interface/clock.ts'
import { ProtocolViolationError, TimeoutError, toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import {
  BITSWAP_PROTOCOL,
  decodeWants,
  encodeBlock,
  encodePresence,
  type Want,
  WantsParser
} from './codec.ts'

/** Wants of one connection that are not answered yet: all leaves of one inner node, and those of three more. */
export const WANTS_MAX = 4096
/** One that is kept open, and others that a peer opens for each message. */
export const BITSWAP_STREAMS_INBOUND_MAX = 8
/** A block of 1 MiB within this time needs 35 KB a second. */
const SEND_PATIENCE_MS = 30_000
/** Looks into the database for all strangers, before the thread is left to others for a moment. */
const LOOKS_IN_A_ROW = 32
const REST_MS = 1

/** What any peer may have. */
export interface PublicBlocks {
  has(cid: string): boolean
  block(cid: string): Promise<Uint8Array | undefined>
}

export interface BitswapComponents {
  readonly clock: Clock
  readonly log: Logger
  readonly blocks: PublicBlocks
}

interface Peer {
  readonly connection: Connection
  /** By CID, in the order in which they came. */
  readonly wants: Map<string, Want>
  answering: boolean
}

export class BitswapHandler {
  readonly #components: BitswapComponents
  readonly #peers = new WeakMap<Connection, Peer>()
  #looks = 0
  #rest: Promise<void> | undefined

  constructor(components: BitswapComponents) {
    this.#components = components
  }

  /** Takes the wants of a stream. Answers go on a stream of their own, as Bitswap has it. */
  readonly onStream = (stream: Stream, connection: Connection): void => {
    const peer = this.#peers.get(connection) ?? { connection, wants: new Map(), answering: false }
    this.#peers.set(connection, peer)
    const parser = new WantsParser()
    stream.addEventListener('message', ({ data }: StreamMessageEvent) => {
      try {
        for (const chunk of data instanceof Uint8Array ? [data] : data)
          for (const message of parser.push(chunk)) this.#take(peer, message)
      } catch (err) {
        this.#drop(peer, err)
      }
    })
    stream.close().catch(() => {})
  }

  #take(peer: Peer, message: Uint8Array): void {
    const { full, entries } = decodeWants(message)
    if (full) peer.wants.clear()
    for (const want of entries) {
      const key = want.cid.toString()
      if (want.cancel) peer.wants.delete(key)
      else peer.wants.set(key, want)
      if (peer.wants.size > WANTS_MAX)
        throw new ProtocolViolationError(`The peer has more than ${WANTS_MAX} wants at a time.`)
    }
    void this.#answer(peer)
  }

  /** Until no want is left. Never rejects. */
  async #answer(peer: Peer): Promise<void> {
    if (peer.answering || peer.wants.size === 0) return
    peer.answering = true
    try {
      while (peer.wants.size > 0) await this.#answerAll(peer)
    } catch (err) {
      this.#drop(peer, err)
    } finally {
      peer.answering = false
    }
  }

  async #answerAll({ connection, wants }: Peer): Promise<void> {
    let stream: Stream | undefined
    for (const [key, want] of wants) {
      wants.delete(key)
      const message = await this.#messageFor(want)
      if (message === undefined) continue
      stream ??= await this.#within(connection, () => connection.newStream(BITSWAP_PROTOCOL))
      const open = stream
      if (!open.send(message)) await this.#within(connection, () => open.onDrain())
    }
    if (stream !== undefined) await this.#within(connection, () => stream!.close())
  }

  async #messageFor({ cid, presence, sendDontHave }: Want): Promise<Uint8Array | undefined> {
    await this.#turn()
    const { blocks } = this.#components
    // The store has CIDs of version 1 only; one of version 0 names the same node.
    const key = cid.toV1().toString()
    if (blocks.has(key)) {
      if (presence) return encodePresence(cid, true)
      const bytes = await blocks.block(key)
      if (bytes !== undefined) return encodeBlock(cid, bytes)
    }
    return sendDontHave ? encodePresence(cid, false) : undefined
  }

  /** A list of wants for what is not here costs its sender little, so looks are bounded over all peers. */
  async #turn(): Promise<void> {
    while (this.#looks >= LOOKS_IN_A_ROW) {
      this.#rest ??= new Promise<void>(resolve => this.#components.clock.setTimer(resolve, REST_MS)).then(
        () => {
          this.#looks = 0
          this.#rest = undefined
        }
      )
      await this.#rest
    }
    this.#looks++
  }

  /** A connection whose peer takes nothing for so long is closed, which ends the work. */
  async #within<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
    const late = new TimeoutError(`The peer took nothing for ${SEND_PATIENCE_MS} ms.`)
    const timer = this.#components.clock.setTimer(() => connection.abort(late), SEND_PATIENCE_MS)
    try {
      return await work()
    } finally {
      timer.cancel()
    }
  }

  #drop({ connection, wants }: Peer, err: unknown): void {
    wants.clear()
    const { code, message } = toLumosError(err)
    const peerId = connection.remotePeer.toString()
    this.#components.log.debug({ peerId, code, why: message }, 'a connection of a stranger was closed')
    connection.abort(err as Error)
  }
}
