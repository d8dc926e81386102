/** The least that can dial a node and open streams there: a key, and the same transport. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection, ConnectionEncrypter, PrivateKey, Upgrader } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p } from 'libp2p'
import type { NodeStatus } from '../../interface/status.ts'
import { YAMUX_LIMITS } from '../../protocols/wire/limits.ts'

export class Dialer implements AsyncDisposable {
  readonly libp2p: Libp2p
  readonly peerId: string

  private constructor(libp2p: Libp2p) {
    this.libp2p = libp2p
    this.peerId = libp2p.peerId.toString()
  }

  /** @param encrypter in place of libp2p's own TLS. */
  static async create(
    privateKey?: PrivateKey,
    encrypter: (components: { upgrader: Upgrader }) => ConnectionEncrypter = tls() as never
  ): Promise<Dialer> {
    const libp2p = await createLibp2p({
      privateKey: privateKey ?? (await generateKeyPair('Ed25519')),
      transports: [tcp()],
      connectionEncrypters: [encrypter as never],
      streamMuxers: [yamux(YAMUX_LIMITS)],
      connectionMonitor: { enabled: false },
      // Our own dials are what is tested, not libp2p's patience.
      connectionManager: { reconnectRetries: 0 }
    })
    return new Dialer(libp2p)
  }

  async dial({ addresses }: Pick<NodeStatus, 'addresses'>): Promise<Connection> {
    return await this.libp2p.dial(
      addresses.map(address => multiaddr(address)),
      { force: true }
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.libp2p.stop()
  }
}

/** Whether the other side lets a stream of `protocol` live: opened, written to, and not reset. */
export async function isServed(connection: Connection, protocol: string): Promise<boolean> {
  try {
    const stream = await connection.newStream(protocol, { signal: AbortSignal.timeout(5000) })
    const answered = new Promise<boolean>(resolve => {
      stream.addEventListener('message', () => resolve(true))
      stream.addEventListener('close', () => resolve(false))
      if (stream.status !== 'open') resolve(false)
    })
    stream.send(Uint8Array.of(1, 1, 0xa0))
    return await answered
  } catch {
    return false
  }
}
