/** A stranger that has seen the handshake of a member, and forges certificates with what that has shown. */

import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import type { Duplex } from 'node:stream'
import * as tls from 'node:tls'
import type {
  Connection,
  ConnectionEncrypter,
  MessageStream,
  MultiaddrConnection,
  SecureConnectionOptions,
  SecuredConnection,
  Upgrader
} from '@libp2p/interface'
import { systemClock } from '../../interface/clock.ts'
import { prepare } from '../../interface/prepare.ts'
import type { NodeStatus } from '../../interface/status.ts'
import { FRAME, HELLO_PROTOCOL } from '../../protocols/hello/codec.ts'
import { INFERENCE_PROTOCOL, InferenceClient } from '../../protocols/inference/index.ts'
import { MANIFEST_BYTES_MAX } from '../../protocols/manifest/index.ts'
import { TlsConnection } from '../../protocols/transport/tls/connection.ts'
import { derValues } from '../../protocols/transport/tls/der.ts'
import { ConnectionDuplex } from '../../protocols/transport/tls/duplex.ts'
import { peerOfCertificate } from '../../protocols/transport/tls/verify.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { issued, keyInfoOf, type Members, membersOf } from '../protocols/certificates.ts'
import { Dialer } from './dialer.ts'

/** Where the parts lie in what a certificate signs. */
const [KEY_INFO, EXTENSIONS] = [6, 7]

/** A hello has four frames; a refusal has two. */
const FRAMES_MAX = 4
/** What is answered at all is answered within a few round trips. */
const ANSWER_MS_MAX = 5000

/** What a handshake with a member shows of it to every dialer. */
export interface Seen {
  readonly keyInfo: Buffer
  /** With the proof of the member's identity, over that key. */
  readonly extensions: Buffer
}

/** TLS that shows any certificate, and keeps the one that it is shown. */
class ForgingTls implements ConnectionEncrypter {
  readonly protocol = '/tls/1.0.0'
  readonly #components: { readonly upgrader: Upgrader }
  readonly #context: tls.SecureContext
  readonly #onSeen: (certificate: X509Certificate) => void

  /** @param components are complete only once the dialer is made. */
  constructor(
    components: { readonly upgrader: Upgrader },
    context: tls.SecureContext,
    onSeen: (certificate: X509Certificate) => void
  ) {
    this.#components = components
    this.#context = context
    this.#onSeen = onSeen
  }

  async secureOutbound(
    connection: MessageStream,
    options: SecureConnectionOptions = {}
  ): Promise<SecuredConnection> {
    const muxers = options.skipStreamMuxerNegotiation
      ? new Map()
      : this.#components.upgrader.getStreamMuxers()
    const socket = tls.connect({
      secureContext: this.#context,
      rejectUnauthorized: false,
      // Typed as if sockets were all that TLS runs on.
      socket: new ConnectionDuplex(connection) as Duplex as never,
      ALPNProtocols: [...muxers.keys()]
    })
    await new Promise((resolve, reject) => {
      socket.once('secure', resolve).once('close', reject).on('error', reject)
    })
    const certificate = socket.getPeerX509Certificate()!
    this.#onSeen(certificate)
    return {
      remotePeer: await peerOfCertificate(certificate, systemClock.wallMs()),
      streamMuxer: muxers.get(String(socket.alpnProtocol)),
      connection: new TlsConnection(connection as MultiaddrConnection, socket)
    }
  }

  secureInbound(): Promise<SecuredConnection> {
    throw new Error('It only dials.')
  }
}

export interface Forger {
  readonly dialer: Dialer
  /** What the last peer that it dialed has shown. */
  seen(): Seen
}

/**
 * @param stolen of whom it takes the identity. Without it, it has a certificate of nobody.
 * @param hide where the member's key is hidden in the certificate, so that a reader takes it for the key.
 */
export async function forger(
  stolen?: Seen,
  hide: (inner: Buffer) => Partial<Members> = () => ({})
): Promise<Forger> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const members = membersOf(
    keyInfoOf(publicKey),
    stolen?.extensions ?? Buffer.alloc(0),
    hide(stolen?.keyInfo ?? Buffer.alloc(0))
  )
  const context = tls.createSecureContext({
    cert: new X509Certificate(issued(members, privateKey)).toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    minVersion: 'TLSv1.3'
  })
  let shown: Buffer | undefined
  const dialer = await Dialer.create(undefined, components => {
    return new ForgingTls(components, context, ({ raw }) => {
      shown = raw
    })
  })
  const seen = (): Seen => {
    const [toBeSigned] = derValues(derValues(shown!)[0]!.content)
    const parts = derValues(toBeSigned!.content).map(({ whole }) => whole)
    return { keyInfo: parts[KEY_INFO]!, extensions: parts[EXTENSIONS]! }
  }
  return { dialer, seen }
}

/** What a member shows to other members, by type of frame: its certificates and its manifest among them. */
export type Shown = ReadonlyMap<number, Uint8Array>

export interface Outcome {
  /** Types of the frames with which its hello was answered. */
  readonly frames: number[]
  /** Whether its request was answered. */
  readonly answered: boolean
}

/** Dials, shows what the member has shown, and asks for what only members get. */
export async function passAs(
  { dialer }: Pick<Forger, 'dialer'>,
  shown: Shown,
  { addresses, meshId }: Pick<NodeStatus, 'addresses' | 'meshId'>
): Promise<Outcome> {
  const connection = await dialer.dial({ addresses }).catch(() => undefined)
  if (connection === undefined) return { frames: [], answered: false }
  const frames = await sayHello(connection, shown, meshId)
  const answered = await ask(connection)
  await connection.close().catch(() => {})
  return { frames, answered }
}

async function sayHello(connection: Connection, shown: Shown, mesh: string): Promise<number[]> {
  const types: number[] = []
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  try {
    const frames = new FrameStream(await connection.newStream(HELLO_PROTOCOL, { signal }))
    const own = { version: 1, mesh, meshName: 'home', meshNamedAtMs: 0, revocationsDigest: '' }
    await frames.write(FRAME.hello, encodeControl(own))
    await frames.write(FRAME.certificates, shown.get(FRAME.certificates)!)
    await frames.write(FRAME.accept, encodeControl({ renewed: [] }))
    await frames.write(FRAME.manifest, shown.get(FRAME.manifest)!)
    for (let i = 0; i < FRAMES_MAX; i++) {
      const frame = await frames.read({ bytesMax: MANIFEST_BYTES_MAX, signal })
      if (frame === undefined) break
      types.push(frame.type)
    }
  } catch {
    // The other side has ended the stream or the connection.
  }
  return types
}

async function ask(connection: Connection): Promise<boolean> {
  const client = new InferenceClient({
    clock: systemClock,
    openStream: options => connection.newStream(INFERENCE_PROTOCOL, options)
  })
  const input = { messages: [{ role: 'user', content: 'secret?' }] }
  const request = { id: 'r', task: 'text-generation' as const, model: 'echo', input, params: {} }
  return await Array.fromAsync(client.infer(prepare({ ...request, budgetMs: ANSWER_MS_MAX }))).then(
    () => true,
    () => false
  )
}
