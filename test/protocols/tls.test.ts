import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import tls from 'node:tls'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Connection } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { tls as libp2pTls } from '@libp2p/tls'
import { multiaddrConnectionPair } from '@libp2p/utils'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import { afterEach, describe, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { socketTls } from '../../protocols/transport/tls/index.ts'
import { sparingYamux } from '../../protocols/transport/yamux.ts'
import { FrameStream } from '../../protocols/wire/frames.ts'
import { SimNetwork } from '../../sim/network/network.ts'
import { PRESETS } from '../../sim/network/presets.ts'

const ECHO = '/test/echo/1'

const peers: Libp2p[] = []
const sockets: Socket[] = []
afterEach(async () => {
  await Promise.all(peers.splice(0).map(peer => peer.stop()))
  for (const socket of sockets.splice(0)) socket.destroy()
})

async function peer(options: Partial<Libp2pOptions> = {}): Promise<Libp2p> {
  const created = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [socketTls()],
    streamMuxers: [sparingYamux()],
    connectionMonitor: { enabled: false },
    ...options
  })
  peers.push(created)
  await created.handle(ECHO, async stream => {
    const frames = new FrameStream(stream)
    for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) {
      await frames.write(frame.type, frame.body)
    }
    await frames.close()
  })
  return created
}

const portOf = (listener: Libp2p): number =>
  Number(
    listener
      .getMultiaddrs()[0]!
      .getComponents()
      .find(({ name }) => name === 'tcp')?.value
  )

/** Whether bytes go both ways, small ones and many. */
async function talks(connection: Connection): Promise<void> {
  const frames = new FrameStream(await connection.newStream(ECHO))
  for (const bytes of [1, 10_000, 200_000]) {
    const body = new Uint8Array(bytes).fill(bytes)
    await frames.write(1, body)
    // A comparison that fails must not print a hundred thousand bytes.
    const echo = await frames.read({ bytesMax: bytes })
    assert.ok(echo !== undefined && Buffer.compare(echo.body, body) === 0)
  }
  await frames.close()
}

describe('TLS on the socket', () => {
  it.each([
    ['itself', socketTls(), socketTls()],
    ["libp2p's, dialing", socketTls(), libp2pTls()],
    ["libp2p's, listening", libp2pTls(), socketTls()]
  ])('talks to %s', async (_, dialerTls, listenerTls) => {
    const dialer = await peer({ connectionEncrypters: [dialerTls as never] })
    const listener = await peer({ connectionEncrypters: [listenerTls as never], streamMuxers: [yamux()] })
    const connection = await dialer.dial(listener.getMultiaddrs())
    assert.equal(connection.remotePeer.toString(), listener.peerId.toString())
    assert.equal(connection.encryption, '/tls/1.0.0')
    await talks(connection)
    assert.equal(listener.getConnections()[0]?.remotePeer.toString(), dialer.peerId.toString())
  })

  it.each([
    ['itself', socketTls(), socketTls()],
    ["libp2p's, dialing", socketTls(), libp2pTls()],
    ["libp2p's, listening", libp2pTls(), socketTls()]
  ])('runs where there is no socket too, with %s', async (_, dialerTls, listenerTls) => {
    const network = new SimNetwork({ clock: systemClock, seed: 1, model: PRESETS['good-wifi'] })
    const [dialer, listener] = await Promise.all(
      [dialerTls, listenerTls].map((encrypter, i) => {
        const { transports, listen } = network.attach(`peer-${i}`).stack([])
        return peer({ transports, addresses: { listen }, connectionEncrypters: [encrypter as never] })
      })
    )
    const connection = await dialer!.dial(listener!.getMultiaddrs())
    await talks(connection)
    const ended = once(listener!.getConnections()[0] as never, 'close')
    await connection.close()
    await ended
  })

  it('refuses a listener that is not who was dialed', async () => {
    const [dialer, listener] = await Promise.all([peer(), peer()])
    const other = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
    const address = listener.getMultiaddrs()[0]!.decapsulate('/p2p').encapsulate(`/p2p/${other}`)
    await assert.rejects(dialer.dial(address))
    assert.deepEqual(dialer.getConnections(), [])
  })

  it('ends on both sides when one closes', async () => {
    const [dialer, listener] = await Promise.all([peer(), peer()])
    const connection = await dialer.dial(listener.getMultiaddrs())
    await talks(connection)
    const closed = once(listener as unknown as EventTarget, 'peer:disconnect')
    await connection.close()
    await closed
    assert.equal(connection.status, 'closed')
    assert.deepEqual(listener.getConnections(), [])
  })

  it('ends on both sides when one aborts', async () => {
    const [dialer, listener] = await Promise.all([peer(), peer()])
    const connection = await dialer.dial(listener.getMultiaddrs())
    await talks(connection)
    const closed = once(listener as unknown as EventTarget, 'peer:disconnect')
    connection.abort(new Error('enough'))
    await closed
    assert.deepEqual(listener.getConnections(), [])
  })

  it('can be given up at any moment', async () => {
    const [dialer, listener] = await Promise.all([
      peer(),
      peer({ connectionManager: { inboundConnectionThreshold: 1000 } })
    ])
    for (let i = 0; i < 60; i++) {
      const given = new AbortController()
      const dialing = dialer.dial(listener.getMultiaddrs(), { signal: given.signal, force: true })
      // The first are given up while they dial, the others with the bytes of a stream on their way.
      if (i < 20) {
        for (let turn = 0; turn < i; turn++) await new Promise(resolve => setImmediate(resolve))
        given.abort()
        await dialing.then(
          connection => connection.abort(new Error('enough')),
          () => {}
        )
        continue
      }
      const connection = await dialing
      const talking = talks(connection).catch(() => {})
      for (let turn = 20; turn < i; turn++) await new Promise(resolve => setImmediate(resolve))
      const end = i % 2 === 0 ? connection : (listener.getConnections()[0] ?? connection)
      end.abort(new Error('enough'))
      await talking
    }
    await talks(await dialer.dial(listener.getMultiaddrs(), { force: true }))
  })

  it('notices when the socket dies', async () => {
    const [dialer, listener] = await Promise.all([peer(), peer()])
    const proxy = await cuttable(listener)
    const connection = await dialer.dial(multiaddr(proxy.address))
    await talks(connection)
    const closed = once(dialer as unknown as EventTarget, 'peer:disconnect')
    proxy.cut()
    await closed
    assert.notEqual(connection.status, 'open')
  })

  it('stays up while bytes flow and ends after the time of silence of the transport', async () => {
    const transports = [tcp({ outboundSocketInactivityTimeout: 200, inboundSocketInactivityTimeout: 200 })]
    const [dialer, listener] = await Promise.all([peer({ transports }), peer({ transports })])
    const connection = await dialer.dial(listener.getMultiaddrs())
    const frames = new FrameStream(await connection.newStream(ECHO))
    const startedMs = performance.now()
    while (performance.now() - startedMs < 500) {
      await frames.write(1, Uint8Array.of(1))
      await frames.read()
    }
    assert.equal(connection.status, 'open')
    await once(dialer as unknown as EventTarget, 'peer:disconnect')
  })

  it.each([
    ['garbage', (socket: Socket) => void socket.write(Buffer.alloc(2000, 0x41))],
    ['a hang-up', (socket: Socket) => void socket.end()],
    ['a reset', (socket: Socket) => void socket.resetAndDestroy()],
    [
      'a client without certificate',
      (socket: Socket) => void tls.connect({ socket, rejectUnauthorized: false }).on('error', () => {})
    ]
  ])('survives %s in place of a handshake', async (_, attack) => {
    const [dialer, listener] = await Promise.all([peer(), peer()])
    const port = portOf(listener)
    const socket = connect(port, '127.0.0.1')
    sockets.push(socket)
    socket.on('error', () => {})
    await once(socket, 'connect')
    // Agree on TLS as multistream-select has it, and then do something else.
    socket.write('\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n')
    await once(socket, 'data')
    socket.removeAllListeners('data')
    const closed = once(socket, 'close')
    attack(socket)
    await closed
    await talks(await dialer.dial(listener.getMultiaddrs()))
    assert.equal(listener.getConnections().length, 1)
  })

  /** A way to the listener that can be cut. */
  async function cuttable(listener: Libp2p): Promise<{ address: string; cut(): void }> {
    const port = portOf(listener)
    const ends: Socket[] = []
    const server = createServer(inbound => {
      const outbound = connect(port, '127.0.0.1')
      ends.push(inbound, outbound)
      inbound
        .on('error', () => {})
        .pipe(outbound.on('error', () => {}))
        .pipe(inbound)
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    sockets.push(...ends)
    const address = `/ip4/127.0.0.1/tcp/${(server.address() as { port: number }).port}/p2p/${listener.peerId}`
    return {
      address,
      cut() {
        server.close()
        for (const end of ends) end.resetAndDestroy()
      }
    }
  }
})

describe('Yamux', () => {
  it.each(['_newStream', 'sendWindowUpdate', 'sendData', 'handleData'])(
    'is refused in a version that has no %s',
    async member => {
      const [near] = multiaddrConnectionPair()
      const muxer = yamux()().createStreamMuxer(near)
      const owner = Object.getPrototypeOf(member === '_newStream' ? muxer : await muxer.createStream())
      const original = owner[member]
      owner[member] = undefined
      try {
        const create = async () => sparingYamux()().createStreamMuxer(multiaddrConnectionPair()[0])
        await assert.rejects(
          create().then(muxer => muxer.createStream()),
          { code: 'INTERNAL', message: new RegExp(`yamux has no ${member}`) }
        )
      } finally {
        owner[member] = original
      }
    }
  )

  it('answers small calls with one write each way, window updates aside', async () => {
    const [dialer, listener] = await Promise.all([peer(), peer()])
    const connection = await dialer.dial(listener.getMultiaddrs())
    const frames = new FrameStream(await connection.newStream(ECHO))
    const call = async (): Promise<void> => {
      await frames.write(1, new Uint8Array(1000))
      await frames.read()
    }
    await call()
    let writes = 0
    const { write } = tls.TLSSocket.prototype
    tls.TLSSocket.prototype.write = function (this: tls.TLSSocket, ...args: unknown[]) {
      writes++
      return Reflect.apply(write, this, args)
    }
    for (let i = 0; i < 100; i++) await call()
    tls.TLSSocket.prototype.write = write
    // Both sides run in this process: two writes for each call.
    assert.ok(writes >= 200 && writes <= 210, `${writes} writes`)
  })
})
