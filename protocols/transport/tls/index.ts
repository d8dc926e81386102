/**
 * libp2p's TLS 1.3 on Node's own TLS over the TCP socket itself.
 *
 * libp2p's package puts its TLS on a stream made in JavaScript, through which every
 * record takes two more queues and a turn of the event loop: twice the processor time for
 * bulk, and half the small calls per second. Here the socket is taken out of libp2p's TCP
 * connection before the handshake, and OpenSSL reads and writes it. The wire is the
 * same. What has no socket, as a simulated network, is put on such a stream.
 */

import { constants } from 'node:crypto'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import * as tls from 'node:tls'
import type {
  ConnectionEncrypter,
  MessageStream,
  MultiaddrConnection,
  PrivateKey,
  SecureConnectionOptions,
  SecuredConnection,
  StreamMessageEvent,
  StreamMuxerFactory,
  Upgrader
} from '@libp2p/interface'
import { serviceCapabilities, UnexpectedPeerError } from '@libp2p/interface'
import { type Clock, systemClock } from '../../../interface/clock.ts'
import { PeerUnreachableError, ProtocolViolationError, TimeoutError } from '../../../interface/errors.ts'
import { createCertificate } from './certificate.ts'
import { TlsConnection } from './connection.ts'
import { ConnectionDuplex } from './duplex.ts'
import { peerOfCertificate } from './verify.ts'

const TLS_PROTOCOL = '/tls/1.0.0'
/** Offered when no multiplexer could be agreed on during the handshake. */
const NO_MUXER = 'libp2p'
/** The 128-bit cipher first: it is as safe as the connection needs and a fifth faster. */
const CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256'

export interface TlsComponents {
  readonly privateKey: PrivateKey
  readonly upgrader: Upgrader
}

export const socketTls =
  (clock: Clock = systemClock) =>
  (components: TlsComponents): ConnectionEncrypter =>
    new SocketTls(components, clock)

class SocketTls implements ConnectionEncrypter {
  readonly protocol = TLS_PROTOCOL
  readonly [Symbol.toStringTag] = 'socket-tls'
  readonly [serviceCapabilities] = ['@libp2p/connection-encryption']
  readonly #components: TlsComponents
  readonly #clock: Clock
  #context: Promise<tls.SecureContext> | undefined

  constructor(components: TlsComponents, clock: Clock) {
    this.#components = components
    this.#clock = clock
  }

  secureInbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    return this.#secure(connection, true, options)
  }

  secureOutbound(connection: MessageStream, options?: SecureConnectionOptions): Promise<SecuredConnection> {
    return this.#secure(connection, false, options)
  }

  async #secure(
    connection: MessageStream,
    inbound: boolean,
    options: SecureConnectionOptions = {}
  ): Promise<SecuredConnection> {
    const secureContext = await this.#secureContext()
    options.signal?.throwIfAborted()
    const taken = takeSocket(connection)
    // Typed as if sockets were all that TLS runs on; any stream will do.
    const socket = taken ?? (new ConnectionDuplex(connection) as Duplex as Socket)

    const muxers = options.skipStreamMuxerNegotiation
      ? new Map()
      : this.#components.upgrader.getStreamMuxers()
    const settings = {
      secureContext,
      // Its certificate proves the peer to this node, not to an authority.
      rejectUnauthorized: false
    }
    const secured = inbound
      ? new tls.TLSSocket(socket, {
          ...settings,
          isServer: true,
          requestCert: true,
          ALPNCallback: ({ protocols }) => protocols.find(name => muxers.has(name)) ?? NO_MUXER
        })
      : tls.connect({ ...settings, socket, ALPNProtocols: [...muxers.keys(), NO_MUXER] })

    secured.on('error', err => connection.abort(err))
    if (taken !== undefined) giveBack(connection, secured)
    try {
      await handshake(secured, options.signal)
      // Asked for once: the call takes the first certificate off the chain that OpenSSL keeps.
      const certificate = secured.getPeerX509Certificate()
      if (certificate === undefined) throw new ProtocolViolationError('The peer has sent no certificate.')
      const remotePeer = await peerOfCertificate(certificate, this.#clock.wallMs())
      if (options.remotePeer?.equals(remotePeer) === false) throw new UnexpectedPeerError()
      if (secured.destroyed) throw closedEarly()
      const streamMuxer: StreamMuxerFactory | undefined = muxers.get(secured.alpnProtocol || NO_MUXER)
      return {
        remotePeer,
        streamMuxer,
        connection: new TlsConnection(connection as MultiaddrConnection, secured)
      }
    } catch (err) {
      secured.destroy()
      connection.abort(err as Error)
      throw err
    }
  }

  /** One key for all connections of this run: it names no peer, and making one takes longer than a handshake. */
  #secureContext(): Promise<tls.SecureContext> {
    this.#context ??= createCertificate(this.#components.privateKey).then(certificate =>
      tls.createSecureContext({
        ...certificate,
        ciphers: CIPHERS,
        // A session is never resumed: each connection proves its peer anew. OpenSSL still sends tickets,
        // but ones of 32 bytes that name nothing, and answers one that returns with a full handshake.
        secureOptions: constants.SSL_OP_NO_TICKET,
        minVersion: 'TLSv1.3',
        maxVersion: 'TLSv1.3'
      })
    )
    return this.#context
  }
}

/**
 * The socket below a connection of `@libp2p/tcp`, with what was read from it and not yet
 * taken put back. From then on the connection reads nothing; it still sees the socket close.
 */
function takeSocket(connection: MessageStream & { socket?: unknown }): Socket | undefined {
  const { socket } = connection
  if (!(socket instanceof Socket)) return undefined
  const early: Uint8Array[] = []
  const keep = ({ data }: StreamMessageEvent): void => {
    early.push(data.subarray())
  }
  connection.pause()
  connection.addEventListener('message', keep)
  connection.resume()
  connection.removeEventListener('message', keep)
  socket.removeAllListeners('data')
  socket.pause()
  for (const bytes of early.reverse()) socket.unshift(bytes)
  // Small messages are gathered before they come here; waiting for more would only delay them.
  socket.setNoDelay(true)
  return socket
}

/**
 * From now on the connection closes and resets the socket through TLS: when the socket below goes
 * first, OpenSSL may read on in memory that is gone (a crash of the process, seen on Node 24).
 */
function giveBack(connection: MessageStream & { socket?: unknown }, secured: tls.TLSSocket): void {
  secured.resetAndDestroy = () => secured.destroy()
  connection.socket = secured
}

function handshake(socket: tls.TLSSocket, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      socket.off('secure', onSecure)
      socket.off('error', onError)
      socket.off('close', onClose)
      signal?.removeEventListener('abort', onAbort)
    }
    const onSecure = (): void => {
      end()
      resolve()
    }
    const onError = (err: Error): void => {
      end()
      reject(err)
    }
    const onClose = (): void =>
      onError(new PeerUnreachableError('The connection closed during its handshake.'))
    const onAbort = (): void =>
      onError(new TimeoutError('The handshake took too long.', { cause: signal?.reason }))
    socket.on('secure', onSecure)
    socket.on('error', onError)
    socket.on('close', onClose)
    signal?.addEventListener('abort', onAbort)
  })
}

const closedEarly = (): PeerUnreachableError =>
  new PeerUnreachableError('The connection closed during its handshake.')
