import { generateKeyPair } from '@libp2p/crypto/keys'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FRAME, HELLO_PROTOCOL } from '../../protocols/hello/codec.ts'
import { encodeControl } from '../../protocols/wire/control.ts'
import { type Frame, FrameStream } from '../../protocols/wire/frames.ts'
import { ended, HostilePeer, listeningLog } from './hostile-peer.ts'
import { knows, startNode } from './mesh-nodes.ts'

const capabilities = Array.from({ length: 257 }, (_, i) => ({
  task: 'tensor',
  model: `m${i}`,
  slots: 1,
  warm: true
}))

/** Manifests that no honest node makes, and how each is called. */
const FORBIDDEN: [what: string, code: string, over: Record<string, unknown>][] = [
  ['lives for no time', 'MANIFEST_INVALID', { ttlMs: 0 }],
  ['lives for ever', 'MANIFEST_INVALID', { ttlMs: 2 ** 50 }],
  ['offers 257 capabilities', 'MANIFEST_INVALID', { capabilities }],
  ['has a negative number', 'MANIFEST_INVALID', { sequence: -1 }],
  ['has a fraction for a number', 'MANIFEST_INVALID', { sequence: 1.5 }],
  ['is of a version to come', 'MANIFEST_INVALID', { version: 2 }],
  [
    'offers a task that moves the cursor',
    'MANIFEST_INVALID',
    { capabilities: [{ task: 'a\u001b[2Jb', model: 'x', slots: 1, warm: true }] }
  ],
  ['has a name that moves the cursor', 'MANIFEST_INVALID', { name: 'a\u001b[2Jb' }],
  [
    'offers a model that is a path',
    'MANIFEST_INVALID',
    { capabilities: [{ task: 'tensor', model: '../x y', slots: 1, warm: true }] }
  ],
  [
    'speaks in the name of another peer',
    'MANIFEST_FORGED',
    { peerId: '12D3KooWPgFxRW1yZF1wAjKALFKWiSj8JN5qXGZxBSAp1BkvaLBT' }
  ]
]

describe('a member turned hostile', () => {
  let node: Awaited<ReturnType<typeof startNode>>
  let friend: Awaited<ReturnType<typeof startNode>>
  let peer: HostilePeer
  let heard: ReturnType<typeof listeningLog>

  beforeEach(async () => {
    heard = listeningLog()
    node = await startNode('node', [], { log: heard.log, settings: { 'engines.echo': true } })
    friend = await startNode('friend', [node], { settings: { 'engines.echo': true } })
    peer = await HostilePeer.member(node)
    await knows(node, friend)
  })

  afterEach(async () => {
    await Promise.all([
      peer[Symbol.asyncDispose](),
      friend[Symbol.asyncDispose](),
      node[Symbol.asyncDispose]()
    ])
  })

  /** The node lists what it listed before, and its friend still gets answers. */
  const unharmed = async () => {
    expect(node.models().some(({ model }) => model === 'bait')).toBe(false)
    const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'well?' }] } }
    expect(await Array.fromAsync(friend.infer(request, { peer: 'node' }))).toHaveLength(2)
  }

  it.each(FORBIDDEN)('whose manifest %s is sent away (%s)', async (_what, code, over) => {
    const connection = await peer.dial(node)
    const envelope = await peer.sealed(over)
    await peer.hello(connection, envelope).catch(() => {})
    await Promise.all([heard.saw(code), ended(connection)])
    await unharmed()
  })

  it('that signs for another purpose, or with another key, is sent away', async () => {
    for (const how of [{ domain: 'libp2p-peer-record' }, { key: await generateKeyPair('Ed25519') }]) {
      const connection = await peer.dial(node)
      await peer.hello(connection, await peer.sealed({}, how)).catch(() => {})
      await Promise.all([heard.saw('MANIFEST_FORGED'), ended(connection)])
      heard.codes.length = 0
    }
    await unharmed()
  })

  it("that shows another peer's manifest as its own is sent away", async () => {
    const other = await HostilePeer.member(node)
    await using _ = other
    const connection = await peer.dial(node)
    await peer.hello(connection, await other.sealed()).catch(() => {})
    await Promise.all([heard.saw('MANIFEST_FORGED'), ended(connection)])
    await unharmed()
  })

  it.each([
    ['random bytes', Uint8Array.from({ length: 512 }, (_, i) => (i * 89) % 251)],
    ['nothing', new Uint8Array(0)],
    ['an envelope of 64 KiB and one byte', new Uint8Array(64 * 1024 + 1)]
  ])('that says hello with %s is sent away', async (_what, envelope) => {
    const connection = await peer.dial(node)
    await peer.hello(connection, envelope).catch(() => {})
    await ended(connection)
    await unharmed()
  })

  it('that says nothing is let go after five seconds', async () => {
    const connection = await peer.dial(node)
    await connection.newStream('/lumos/hello/1')
    await Promise.all([heard.saw('TIMEOUT'), ended(connection)])
    await unharmed()
  })

  it('that says a frame of another protocol is sent away', async () => {
    const connection = await peer.dial(node)
    const frames = new FrameStream(await connection.newStream('/lumos/hello/1'))
    await frames.write(99, encodeControl({ hello: true }))
    await Promise.all([heard.saw('PROTOCOL_VIOLATION'), ended(connection)])
    await unharmed()
  })

  it('cannot bring an older manifest back', async () => {
    const connection = await peer.dial(node)
    await peer.hello(connection, await peer.sealed({ sequence: 9, capabilities: [] }))
    await peer.hello(connection, await peer.sealed({ sequence: 8 }))
    await heard.saw('MANIFEST_STALE')
    await unharmed()
  })

  it('loses its place when it signs two manifests with one number', async () => {
    const connection = await peer.dial(node)
    await peer.hello(connection, await peer.sealed({ name: 'one' }))
    // The node says hello once more, which this peer does not answer: its connection may end before it has gone on.
    await peer.hello(connection, await peer.sealed({ name: 'two' })).catch(() => {})
    await heard.saw('MANIFEST_EQUIVOCATED')
    await unharmed()
  })

  it('cannot gossip a forged manifest', async () => {
    const connection = await peer.dial(node)
    await peer.hello(connection, await peer.sealed({ capabilities: [] }))
    await peer.gossip(sequence =>
      peer.sealed({ peerId: friend.peerId, sequence: 2 ** 40 + sequence, capabilities: [] })
    )
    await heard.saw('MANIFEST_FORGED')
    expect(
      node.models().some(({ providers }) => providers.some(({ peerId }) => peerId === friend.peerId))
    ).toBe(true)
    await unharmed()
  })

  it('cannot pass off garbage, or expired manifests, in a pull', async () => {
    const expired = await peer.sealed({ sequence: 2 })
    await peer.libp2p.handle('/lumos/manifest/1', async stream => {
      const frames = new FrameStream(stream)
      await frames.read()
      for (const [envelope, ageMs] of [
        [new Uint8Array(99), 0],
        [expired, 180_000]
      ] as const) {
        await frames.write(2, encodeControl({ ageMs }))
        await frames.write(3, envelope)
      }
      await frames.write(4, new Uint8Array(0))
    })
    const connection = await peer.dial(node)
    await peer.hello(connection, await peer.sealed({ capabilities: [] }))
    await Promise.all([heard.saw('MANIFEST_INVALID'), heard.saw('MANIFEST_EXPIRED')])
    await unharmed()
  })
})

describe('a member that answers no second hello', () => {
  it('is let go, and does not hold up what is told to everyone', async () => {
    await using node = await startNode('node')
    await using peer = await HostilePeer.member(node)
    const connection = await peer.dial(node)
    await peer.hello(connection, await peer.sealed({ capabilities: [] }))
    await peer.libp2p.handle(HELLO_PROTOCOL, () => {})

    await Promise.all([node.mesh.rename('other'), ended(connection)])
    expect(node.mesh.info().name).toBe('other')
  }, 60_000)
})

describe('a stranger', () => {
  it('who dials and says hello hears the name of the mesh, and nothing of the device', async () => {
    await using node = await startNode('study', [], { settings: { 'engines.echo': true } })
    await using stranger = await HostilePeer.stranger(node)
    const connection = await stranger.dial(node)
    const frames = new FrameStream(await connection.newStream(HELLO_PROTOCOL))
    const own = { version: 1, mesh: stranger.mesh, meshName: 'x', meshNamedAtMs: 0, revocationsDigest: '' }
    await frames.write(FRAME.hello, encodeControl(own))
    await frames.write(FRAME.certificates, encodeControl({ chain: [...stranger.certificates] }))

    const heard: Frame[] = []
    for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) heard.push(frame)

    expect(heard.map(({ type }) => type)).toEqual([FRAME.hello, FRAME.refuse])
    const words = Buffer.concat(heard.map(({ body }) => body)).toString('latin1')
    expect(words).toContain(node.status().mesh)
    for (const secret of ['study', 'echo', '/ip4/']) expect(words).not.toContain(secret)
  })
})
