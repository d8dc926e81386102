/** Two real libp2p nodes over TCP on loopback, as a test of protocols needs them. */

import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import { socketTls } from '../../protocols/transport/tls/index.ts'
import { sparingYamux } from '../../protocols/transport/yamux.ts'

type Transport = NonNullable<Libp2pOptions['transports']>[number]

export interface Peers extends AsyncDisposable {
  readonly dialer: Libp2p
  readonly listener: Libp2p
  /** The dialer's connection to the listener. */
  readonly connection: Connection
  /** A stream of its own protocol: the dialer's end and the listener's. */
  streams(): Promise<[dialed: Stream, accepted: Stream]>
}

const PROTOCOL = '/test/streams/1'

/** A node; without `listen` it only dials. */
export const createPeer = (listen: string[] = [], transport: Transport = tcp()): Promise<Libp2p> =>
  createLibp2p({
    addresses: { listen },
    transports: [transport],
    connectionEncrypters: [socketTls()],
    streamMuxers: [sparingYamux()],
    connectionMonitor: { enabled: false }
  })

export async function connectPeers(): Promise<Peers> {
  const [dialer, listener] = await Promise.all([createPeer(), createPeer(['/ip4/127.0.0.1/tcp/0'])])
  const waiting: ((stream: Stream) => void)[] = []
  await listener.handle(PROTOCOL, stream => waiting.shift()?.(stream), { maxInboundStreams: 64 })
  const connection = await dialer.dial(listener.getMultiaddrs())
  return {
    dialer,
    listener,
    connection,
    async streams() {
      const accepted = new Promise<Stream>(resolve => waiting.push(resolve))
      const dialed = await connection.newStream(PROTOCOL, { maxOutboundStreams: 64 })
      return [dialed, await accepted]
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([dialer.stop(), listener.stop()])
    }
  }
}
