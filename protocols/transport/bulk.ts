/**
 * Two classes of streams on one connection: those that carry bulk give way to all others.
 *
 * The bytes of a connection have one order, so what a call writes comes after all bulk that is on its way. Alone, a bulk
 * stream gets the largest window at once; libp2p widens a window only where a ping takes a millisecond or more. While calls
 * pass, it gets a small one. The side that reads decides, since it alone knows what has come.
 */

import type { MessageStream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { Clock } from '../../interface/clock.ts'
import { YAMUX_LIMITS } from '../wire/limits.ts'

/** After what was last sent or heard: the words of an answer come faster than that. */
const CALM_AFTER_MS = 100
/** At 100 MB/s a call waits for a millisecond behind so much. */
const WINDOW_BYTES_BESIDE_CALLS = 128 * 1024

/** What is used of a stream of Yamux. */
export interface BulkStream {
  recvWindow?: number
  sendData?(bytes: Uint8ArrayList): { sentBytes: number; canSendMore: boolean }
  sendWindowUpdate?(): void
  onMuxerDrain?(): void
}

/** What passes on one connection besides bulk. */
export class Traffic {
  readonly #clock: Clock
  readonly #connection: Pick<MessageStream, 'writableNeedsDrain'>
  readonly #bulk = new WeakSet<object>()
  #lastMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, connection: Pick<MessageStream, 'writableNeedsDrain'>) {
    this.#clock = clock
    this.#connection = connection
  }

  /** The connection takes no more bytes now. */
  get isFull(): boolean {
    return this.#connection.writableNeedsDrain
  }

  /** Something that is no bulk was sent or has come. */
  note(): void {
    this.#lastMs = this.#clock.monotonicMs()
  }

  get isCalm(): boolean {
    return this.#clock.monotonicMs() - this.#lastMs >= CALM_AFTER_MS
  }

  isBulk(stream: object): boolean {
    return this.#bulk.has(stream)
  }

  addBulk(stream: object): void {
    this.#bulk.add(stream)
  }
}

export function giveWay(stream: BulkStream, traffic: Traffic): void {
  if (traffic.isBulk(stream)) return
  traffic.addBulk(stream)
  const sendWindowUpdate = stream.sendWindowUpdate!.bind(stream)
  stream.sendWindowUpdate = () => {
    stream.recvWindow = traffic.isCalm
      ? YAMUX_LIMITS.streamOptions.maxStreamWindowSize
      : WINDOW_BYTES_BESIDE_CALLS
    sendWindowUpdate()
  }
  // A window that opens is no reason to send while calls wait until the connection takes bytes again. When it does, its
  // streams are asked in the order in which they were opened, and this one comes after all others.
  const sendData = stream.sendData!.bind(stream)
  stream.sendData = bytes => (traffic.isFull ? NOTHING_SENT : sendData(bytes))
  const onMuxerDrain = stream.onMuxerDrain!.bind(stream)
  stream.onMuxerDrain = () => queueMicrotask(onMuxerDrain)
}

const NOTHING_SENT = { sentBytes: 0, canSendMore: false }
