/**
 * Yamux that tops up a stream's window once half of it is used, as its specification has it.
 *
 * libp2p's tops it up after every message, in a packet of its own, so that each small call
 * costs both sides another system call and another wake-up: a third of what the call costs
 * altogether. This hooks into members that the library does not promise to keep; a muxer
 * without them is refused, so that another version of the library is noticed.
 */

import type { Stream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { yamux } from '@libp2p/yamux'
import { type Clock, systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { YAMUX_LIMITS } from '../wire/limits.ts'
import { type BulkStream, giveWay, Traffic } from './bulk.ts'

/** What is used of a muxer of Yamux. */
type YamuxMuxer = StreamMuxer & {
  _newStream?(...args: unknown[]): YamuxStream
  ping?(): Promise<number>
}

/** What is used of a Yamux stream. */
interface YamuxStream extends BulkStream {
  readonly state?: number
  readonly recvWindowCapacity?: number
  sendWindowUpdate?(): void
  handleData?(frame: { readonly header: { readonly length: number } }): void
  /** Empty until both sides have agreed on one. */
  readonly protocol?: string
}

/** Bytes of a stream, as they pass: without those of Yamux and TLS around them. */
type CountBytes = (protocol: string, direction: 'in' | 'out', bytes: number) => void

/** Yamux's number for a stream that is open and not paused. */
const ESTABLISHED = 3

/** Of each stream, what passes on its connection. */
const traffic = new WeakMap<object, Traffic>()

/**
 * Yamux as every node runs it.
 *
 * @param onHeard is called each time bytes come, with the muxer of their connection.
 */
export const sparingYamux =
  (onHeard?: (muxer: StreamMuxer) => void, clock: Clock = systemClock, count?: CountBytes) =>
  (): StreamMuxerFactory => {
    // Its own pings come every 30 s, which is too late to notice a dead path: a node pings by itself.
    const factory: StreamMuxerFactory = yamux({ ...YAMUX_LIMITS, enableKeepAlive: false })()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = connection => {
      const muxer = create(connection) as YamuxMuxer
      const newStream = muxer._newStream?.bind(muxer)
      if (newStream === undefined) throw lacks('_newStream')
      if (muxer.ping === undefined) throw lacks('ping')
      const passing = new Traffic(clock, connection)
      muxer._newStream = (...args) => watched(spareUpdates(newStream(...args)), passing, count)
      // After the muxer's own listener: the first listener gets what has come already.
      if (onHeard !== undefined) connection.addEventListener('message', () => onHeard(muxer))
      return muxer
    }
    return factory
  }

/** Resolves when the muxer at the other end has answered. */
export const pingBy = async (muxer: StreamMuxer): Promise<unknown> => (muxer as YamuxMuxer).ping?.()

/** From now on this stream carries bulk, and gives way to all others of its connection. Without Yamux it does not. */
export function carryBulk(stream: Stream): void {
  const passing = traffic.get(stream)
  if (passing !== undefined) giveWay(stream as BulkStream, passing)
}

function spareUpdates(stream: YamuxStream): YamuxStream {
  const sendWindowUpdate = stream.sendWindowUpdate?.bind(stream)
  if (sendWindowUpdate === undefined) throw lacks('sendWindowUpdate')
  if (typeof stream.recvWindowCapacity !== 'number') throw lacks('recvWindowCapacity')
  if (typeof stream.recvWindow !== 'number') throw lacks('recvWindow')
  if (typeof stream.state !== 'number') throw lacks('state')
  stream.sendWindowUpdate = () => {
    const { state, recvWindow = 0, recvWindowCapacity = 0 } = stream
    // Before the stream is established, an update carries the flags that open it.
    if (state !== ESTABLISHED || recvWindowCapacity <= recvWindow / 2) sendWindowUpdate()
  }
  return stream
}

/** What passes on a stream that carries no bulk is what bulk gives way to. */
function watched(stream: YamuxStream, passing: Traffic, count?: CountBytes): YamuxStream {
  const { sendData, handleData } = stream
  if (sendData === undefined) throw lacks('sendData')
  if (handleData === undefined) throw lacks('handleData')
  if (stream.onMuxerDrain === undefined) throw lacks('onMuxerDrain')
  stream.sendData = bytes => {
    if (!passing.isBulk(stream)) passing.note()
    const sent = sendData.call(stream, bytes)
    count?.(stream.protocol ?? '', 'out', sent.sentBytes)
    return sent
  }
  stream.handleData = frame => {
    if (!passing.isBulk(stream)) passing.note()
    count?.(stream.protocol ?? '', 'in', frame.header.length)
    handleData.call(stream, frame)
  }
  traffic.set(stream, passing)
  return stream
}

const lacks = (member: string): LumosError =>
  new LumosError('INTERNAL', `This version of yamux has no ${member}.`, {
    hint: 'Install the version of @libp2p/yamux that package.json names.'
  })
