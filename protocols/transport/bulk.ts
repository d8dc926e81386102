/**
 * Two classes of streams on one connection: those that carry bulk give way to all others.
 *
 * The bytes of a connection have one order, so what a call writes comes after all bulk that is on its way. Alone, a bulk
 * stream gets the largest window at once; libp2p widens a window only where a ping takes a millisecond or more. While calls
 * pass, it gets a small one, and rests where it has kept the event loop busy: calls wait for the same cores. The side that
 * reads decides, since it alone knows what has come.
 */

import type { MessageStream } from '@libp2p/interface'
import type { Uint8ArrayList } from 'uint8arraylist'
import type { Clock } from '../../interface/clock.ts'
import { YAMUX_LIMITS } from '../wire/limits.ts'

/** After what was last sent or heard: the words of an answer come faster than that. */
const CALM_AFTER_MS = 100
/** At 100 MB/s a call waits for a millisecond behind so much. */
const WINDOW_BYTES_BESIDE_CALLS = 128 * 1024

/** Of the time since bulk was last granted, the share of work in the event loop from which on bulk rests. */
const BUSY_SHARE = 0.5
/** The work may have been another's, such as a request that blocks the loop. */
const REST_MS_MAX = 20

/** What is used of a stream of Yamux. */
export interface BulkStream {
  readonly status?: string
  recvWindow?: number
  readonly recvWindowCapacity?: number
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

  after(ms: number, task: () => void): void {
    this.#clock.setTimer(task, ms)
  }

  isBulk(stream: object): boolean {
    return this.#bulk.has(stream)
  }

  addBulk(stream: object): void {
    this.#bulk.add(stream)
  }
}

/** How long the event loop has worked since this was asked last, in milliseconds; 0 where it was idle for half of that time. */
function loopWork(): () => number {
  let last = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { active, utilization } = performance.eventLoopUtilization(now, last)
    last = now
    return utilization > BUSY_SHARE ? active : 0
  }
}

export function giveWay(stream: BulkStream, traffic: Traffic, workedMs = loopWork()): void {
  if (traffic.isBulk(stream)) return
  traffic.addBulk(stream)
  const sendWindowUpdate = stream.sendWindowUpdate!.bind(stream)
  const grant = (bytes: number): void => {
    stream.recvWindow = bytes
    sendWindowUpdate()
  }
  let rests = false
  stream.sendWindowUpdate = () => {
    if (rests) return
    if (traffic.isCalm) return grant(YAMUX_LIMITS.streamOptions.maxStreamWindowSize)
    const isDue = (stream.recvWindowCapacity ?? 0) <= WINDOW_BYTES_BESIDE_CALLS / 2
    const restMs = isDue ? Math.min(REST_MS_MAX, workedMs()) : 0
    if (restMs === 0) return grant(WINDOW_BYTES_BESIDE_CALLS)
    rests = true
    traffic.after(restMs, () => {
      rests = false
      if (stream.status === 'open') grant(WINDOW_BYTES_BESIDE_CALLS)
    })
  }
  // A window that opens is no reason to send while calls wait until the connection takes bytes again. When it does, its
  // streams are asked in the order in which they were opened, and this one comes after all others.
  const sendData = stream.sendData!.bind(stream)
  stream.sendData = bytes => (traffic.isFull ? NOTHING_SENT : sendData(bytes))
  const onMuxerDrain = stream.onMuxerDrain!.bind(stream)
  stream.onMuxerDrain = () => queueMicrotask(onMuxerDrain)
}

const NOTHING_SENT = { sentBytes: 0, canSendMore: false }
