/**
 * libp2p's connection parts, made to write less often.
 *
 * On a stream of small calls the cost is not bytes but writes: each is a system call, a
 * packet and a wake-up of the other process, many times the price of a small call itself.
 * As they come, TLS writes every piece of a message on its own, so a message of the
 * multiplexer leaves as two packets a turn of the event loop apart, and Yamux answers
 * every message with a window update, in a packet of its own. Here a message is one
 * write, and a window is topped up once half of it is used, as Yamux's specification
 * has it. The wire stays the same.
 *
 * Both changes hook into methods and fields that these libraries do not promise to
 * keep. Where one is not found, the part works as it came.
 */

import type { ConnectionEncrypter, MessageStream, StreamMuxer, StreamMuxerFactory } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'

/** Above this, copying costs more than another write. */
const GATHERED_BYTES_MAX = 64 * 1024

interface Sender {
  sendData?(data: Uint8ArrayList): unknown
}

/** An encrypter of which every small message is one write, of plain and of encrypted bytes. */
export function gathering<C>(
  create: (components: C) => ConnectionEncrypter
): (components: C) => ConnectionEncrypter {
  return components => {
    const encrypter = create(components)
    const secure =
      (kind: 'secureInbound' | 'secureOutbound'): ConnectionEncrypter['secureInbound'] =>
      async (connection, options) => {
        gatherWrites(connection)
        const secured = await encrypter[kind](connection, options)
        gatherWrites(secured.connection)
        return secured
      }
    return Object.assign(Object.create(encrypter) as ConnectionEncrypter, {
      secureInbound: secure('secureInbound'),
      secureOutbound: secure('secureOutbound')
    })
  }
}

function gatherWrites(connection: MessageStream & Sender): void {
  const sendData = connection.sendData?.bind(connection)
  if (sendData === undefined) return
  connection.sendData = data =>
    sendData(data.byteLength <= GATHERED_BYTES_MAX ? new Uint8ArrayList(data.subarray()) : data)
}

/** What is used of a Yamux stream. */
interface WindowedStream {
  state?: number
  recvWindow?: number
  recvWindowCapacity?: number
  sendWindowUpdate?(): void
}

/** Yamux's number for a stream that is open on both sides and not paused. */
const ESTABLISHED = 3

/** Yamux that tops up a stream's window once half of it is used. */
export function sparing<C>(
  create: (components: C) => StreamMuxerFactory
): (components: C) => StreamMuxerFactory {
  return components => {
    const factory = create(components)
    const createStreamMuxer: StreamMuxerFactory['createStreamMuxer'] = connection => {
      const muxer = factory.createStreamMuxer(connection) as StreamMuxer & {
        _newStream?(...args: unknown[]): WindowedStream
      }
      const newStream = muxer._newStream?.bind(muxer)
      if (newStream !== undefined) muxer._newStream = (...args) => spareUpdates(newStream(...args))
      return muxer
    }
    return Object.assign(Object.create(factory) as StreamMuxerFactory, { createStreamMuxer })
  }
}

function spareUpdates(stream: WindowedStream): WindowedStream {
  const sendWindowUpdate = stream.sendWindowUpdate?.bind(stream)
  if (sendWindowUpdate === undefined) return stream
  stream.sendWindowUpdate = () => {
    const { state, recvWindow, recvWindowCapacity } = stream
    const plenty =
      recvWindow !== undefined && recvWindowCapacity !== undefined && recvWindowCapacity > recvWindow / 2
    // An update may also carry the flags that open a stream.
    if (state !== ESTABLISHED || !plenty) sendWindowUpdate()
  }
  return stream
}
