import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import tls from 'node:tls'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { beforeAll, describe, it } from 'vitest'
import { type Certificate, createCertificate } from '../../protocols/transport/tls/certificate.ts'
import { ConnectionDuplex } from '../../protocols/transport/tls/duplex.ts'
import { socketTls } from '../../protocols/transport/tls/index.ts'

type Role = 'listener' | 'dialer'
const ROLES: readonly Role[] = ['listener', 'dialer']

let identity: PrivateKey
let peer: PrivateKey
let certificate: Certificate
beforeAll(async () => {
  identity = await generateKeyPair('Ed25519')
  peer = await generateKeyPair('Ed25519')
  certificate = await createCertificate(peer)
})

/** The handshake of a node in `role` with a peer that runs Node's own TLS with `options`. */
function handshake(
  encrypter: ReturnType<ReturnType<typeof socketTls>>,
  role: Role,
  options: tls.SecureContextOptions & { session?: Buffer }
) {
  const [near, far] = multiaddrConnectionPair()
  const stream: Duplex = new ConnectionDuplex(far)
  const { session, ...context } = options
  const settings = { secureContext: tls.createSecureContext(context), rejectUnauthorized: false }
  const socket =
    role === 'listener'
      ? tls.connect({
          ...settings,
          socket: stream as never,
          ALPNProtocols: ['libp2p'],
          ...(session && { session })
        })
      : new tls.TLSSocket(stream as never, { ...settings, isServer: true, requestCert: true })
  socket.on('error', () => {})
  const secured = role === 'listener' ? encrypter.secureInbound(near) : encrypter.secureOutbound(near)
  return { secured, socket }
}

const node = () =>
  socketTls()({ privateKey: identity, upgrader: { getStreamMuxers: () => new Map() } as never })

describe.each(ROLES)('the handshake of a %s', role => {
  it('takes the one certificate of the peer', async () => {
    const { secured, socket } = handshake(node(), role, certificate)
    assert.ok((await secured).remotePeer.equals(peerIdFromPrivateKey(peer)))
    socket.destroy()
  })

  it.each([2, 3])('refuses a chain of %i certificates', async length => {
    const others = await Promise.all(Array.from({ length: length - 1 }, () => createCertificate(peer)))
    const cert = [certificate, ...others].map(({ cert }) => cert).join('')
    const { secured } = handshake(node(), role, { key: certificate.key, cert })
    await assert.rejects(secured, { code: 'PROTOCOL_VIOLATION', message: /chain/ })
  })
})

describe('the handshake of a listener', () => {
  it('proves the peer anew when a session returns', async () => {
    const encrypter = node()
    const first = handshake(encrypter, 'listener', certificate)
    const [session] = (await once(first.socket, 'session')) as [Buffer]
    await first.secured
    first.socket.destroy()

    const again = handshake(encrypter, 'listener', { ...certificate, session })
    const { remotePeer } = await again.secured
    assert.ok(remotePeer.equals(peerIdFromPrivateKey(peer)))
    assert.equal(again.socket.isSessionReused(), false)
    again.socket.destroy()
  })
})
