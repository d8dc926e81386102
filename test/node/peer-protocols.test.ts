import { expect, it } from 'vitest'
import type { Role } from '../../interface/membership.ts'
import type { NodeProtocols, PeerProtocol } from '../../interface/peer-protocol.ts'
import { createDrivenNode, type DrivenNode } from '../../sim/driven-node.ts'
import { HostilePeer, listeningLog } from './hostile-peer.ts'
import { ALONE, meets, startNode, temporaryHome } from './mesh-nodes.ts'

const MESSAGE_BYTES_MAX = 64
const text = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes)
const bytes = (words: string) => new TextEncoder().encode(words)

/** Answers each message with itself, and who sent it. */
const ECHO: PeerProtocol = {
  ids: ['/lumos/echo/2', '/lumos/echo/1'],
  roles: ['admin', 'member'],
  limits: { streamsMax: 2, messageBytesMax: MESSAGE_BYTES_MAX },
  async handler(stream) {
    for (let message = await stream.read(); message !== undefined; message = await stream.read())
      await stream.write(bytes(`${text(message)} from ${stream.peerId}`))
    await stream.close()
  }
}

async function answer(protocols: NodeProtocols, peerId: string, words: string, protocol = ECHO) {
  const stream = await protocols.open(peerId, protocol)
  await stream.write(bytes(words))
  const said = text(await stream.read())
  await stream.close()
  return { said, protocol: stream.protocol }
}

/** A node of its own that serves it, not started. */
const served = async (name: string, options: { log?: ReturnType<typeof listeningLog>['log'] } = {}) => {
  const node = await createDrivenNode({
    home: await temporaryHome(),
    settings: { ...ALONE, name },
    ...options
  })
  node.protocols.serve(ECHO)
  return node
}

async function memberOf(founder: DrivenNode): Promise<DrivenNode> {
  const settings = { ...ALONE, name: 'asker', 'swarm.peers': founder.status().addresses }
  const node = await createDrivenNode({ home: await temporaryHome(), settings })
  await node.enter(await founder.admit({ subject: node.peerId, role: 'member', name: 'asker' }))
  await node.start()
  return node
}

it('a protocol of a floor above is served in each mesh that the node enters', async () => {
  await using first = await startNode('first')
  await using second = await startNode('second')
  await using node = await served('den')
  await node.enter(await first.admit({ subject: node.peerId, role: 'member', name: 'den' }))
  await node.start()

  for (const founder of [first, second]) {
    if (founder === second) {
      await node.enter(await founder.admit({ subject: node.peerId, role: 'member', name: 'den' }))
    }
    await using asker = await startNode('asker', [founder, node])
    await meets(asker, node)
    expect(await answer(asker.protocols, node.peerId, 'hi')).toEqual({
      said: `hi from ${asker.peerId}`,
      protocol: '/lumos/echo/2'
    })
    const old = { ...ECHO, ids: ['/lumos/echo/1'] }
    expect((await answer(asker.protocols, node.peerId, 'hi', old)).protocol).toBe('/lumos/echo/1')
  }
})

it.each<[Role, boolean]>([
  ['member', true],
  ['guest', false],
  ['edge', false]
])('the role %s opens it: %s', async (role, may) => {
  const { log, saw } = listeningLog()
  await using node = await served('den', { log })
  await node.start()
  await using peer = await HostilePeer.member(node, role)
  const connection = await peer.dial(node)
  await peer.hello(connection, await peer.sealed())
  if (may) {
    const stream = await connection.newStream('/lumos/echo/1')
    expect(stream.protocol).toBe('/lumos/echo/1')
  } else {
    await connection.newStream('/lumos/echo/1').catch(() => {})
    await saw('DENIED')
  }
})

it('a message above the limit costs its sender the stream, and its receiver nothing else', async () => {
  const { log, saw } = listeningLog()
  await using node = await served('den', { log })
  await node.start()
  await using asker = await memberOf(node)
  await meets(asker, node)
  const stream = await asker.protocols.open(node.peerId, ECHO)
  await stream.write(bytes('x'.repeat(MESSAGE_BYTES_MAX + 1)))
  await expect(stream.read()).rejects.toMatchObject({ code: 'PEER_UNREACHABLE' })
  await saw('FRAME_TOO_LARGE')
  expect((await answer(asker.protocols, node.peerId, 'hi')).said).toContain('hi')
})

it('a stream whose handler has returned is closed', async () => {
  await using node = await served('den')
  const once: PeerProtocol = {
    ...ECHO,
    ids: ['/lumos/once/1'],
    handler: async stream => stream.write((await stream.read())!)
  }
  node.protocols.serve(once)
  await node.start()
  await using asker = await memberOf(node)
  await meets(asker, node)
  const stream = await asker.protocols.open(node.peerId, once)
  await stream.write(bytes('hi'))
  expect(text(await stream.read())).toBe('hi')
  expect(await stream.read()).toBeUndefined()
})

it('is served before the node starts or not at all, and asked for after', async () => {
  await using node = await startNode('den')
  expect(() => node.protocols.serve(ECHO)).toThrow('before the node starts')
  await using idle = await createDrivenNode({ home: await temporaryHome(), settings: ALONE })
  await expect(idle.protocols.open(node.peerId, ECHO)).rejects.toMatchObject({ code: 'NODE_NOT_RUNNING' })
  const large = { ...ECHO, limits: { ...ECHO.limits, messageBytesMax: 2 ** 20 + 1 } }
  expect(() => idle.protocols.serve(large)).toThrow('1048576 bytes at most')
})
