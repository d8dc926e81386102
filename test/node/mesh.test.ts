import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { echoModel } from '../../capabilities/index.ts'
import { systemClock } from '../../interface/clock.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import type { LumosNode } from '../../interface/node.ts'
import { createDrivenNode } from '../../sim/driven-node.ts'
import { ALONE, knows, loses, meets, startNode, until } from './mesh-nodes.ts'

const ECHO = { settings: { 'engines.echo': true } }
const say = (content: string) => ({ model: 'echo', input: { messages: [{ role: 'user', content }] } })
const textOf = (chunks: InferenceChunk[]) =>
  chunks.map(chunk => (chunk.type === 'text' ? chunk.text : '')).join('')
const codeOf = async (run: Promise<unknown>) =>
  await run.then(
    () => 'none',
    err => err.code
  )

/** `peers` and `members` say the same of who is there. */
const present = (node: LumosNode): string[] => {
  const online = node.mesh.members().flatMap(({ name, online, self }) => (online && !self ? [name] : []))
  expect(node.peers().map(({ name }) => name)).toEqual(online)
  return online
}

describe('two nodes', () => {
  it('meet, list each other, and one answers what the other asks', async () => {
    await using server = await startNode('server', [], ECHO)
    await using asker = await startNode('asker', [server])
    await Promise.all([meets(asker, server), meets(server, asker)])

    const [peer] = asker.peers()
    expect(peer).toMatchObject({ peerId: server.peerId, name: 'server', path: 'tcp/tls' })
    expect(peer?.rttMs).toBeGreaterThan(0)
    expect([present(server), present(asker)]).toEqual([['asker'], ['server']])
    expect(asker.models().map(({ model, task }) => `${model} ${task}`)).toEqual([
      'echo tensor',
      'echo text-generation'
    ])

    const routes: unknown[] = []
    const chunks = await Array.fromAsync(
      asker.infer(say('hello over there'), { onRoute: route => routes.push(route) })
    )
    expect(textOf(chunks)).toBe('hello over there')
    expect(chunks.at(-1)).toMatchObject({ type: 'done', finishReason: 'stop' })
    expect(routes).toMatchObject([{ peerId: server.peerId, name: 'server', route: 'remote' }])
  })

  it('tell on the side that answers whose request it is, when it begins and how it ends', async () => {
    await using server = await startNode('server', [], {
      models: [echoModel({ clock: systemClock, wordDelayMs: 20 })]
    })
    await using asker = await startNode('asker', [server])
    await Promise.all([meets(asker, server), meets(server, asker)])
    const served: unknown[] = []
    server.events.addEventListener('inference.serving_started', ({ detail }) => served.push(detail))
    server.events.addEventListener('inference.serving_ended', ({ detail }) => served.push(detail))

    const ended = until(server, 'inference.serving_ended', data => data?.requestId === 'two')
    await Array.fromAsync(asker.infer({ id: 'one', ...say('a b') }))
    for await (const _ of asker.infer({ id: 'two', ...say('a '.repeat(500)) })) {
      expect(server.status().requests).toMatchObject({ own: 0, running: 1, queued: 0 })
      expect(asker.status().requests).toMatchObject({ own: 1, running: 0, queued: 0 })
      break
    }
    await ended
    const { peerId } = asker
    expect(served).toMatchObject([
      { requestId: 'one', peerId, model: 'echo' },
      { requestId: 'one', peerId, code: undefined },
      { requestId: 'two', peerId },
      // Cancelling a lane is resetting it, which looks like a loss from here.
      { requestId: 'two', peerId, code: 'PEER_UNREACHABLE' }
    ])
    expect(server.status()).toMatchObject({ connections: 1, requests: { own: 0, running: 0, queued: 0 } })
    expect(server.status().streams).toBeGreaterThan(0)
  })

  it('know it at once when one leaves, and are two again when it comes back with its home', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-node-'))
    await using asker = await startNode('asker')
    const first = await startNode('server', [asker], { home, ...ECHO })
    await Promise.all([knows(asker, first), meets(asker, first)])
    const left = loses(asker, first)
    await first.stop()
    await left
    expect(present(asker)).toEqual([])
    expect(asker.models()).toEqual([])
    expect(await codeOf(Array.fromAsync(asker.infer(say('anybody?'))))).toBe('NO_PROVIDER')

    await using again = await startNode('server', [asker], { home, ...ECHO })
    await meets(asker, again)
    expect(again.peerId).toBe(first.peerId)
    expect(asker.peers()).toHaveLength(1)
    expect(textOf(await Array.fromAsync(asker.infer(say('welcome back'))))).toBe('welcome back')
  })

  it('find each other again by themselves after the connection broke', async () => {
    await using server = await startNode('server', [], ECHO)
    const home = await mkdtemp(join(tmpdir(), 'lumos-node-'))
    const before = await startNode('asker', [server], { home })
    await meets(before, server)
    await before.stop()
    // No address is given this time: the asker remembers the server.
    await using after = await startNode('asker', [], { home })
    await meets(after, server)
    expect(textOf(await Array.fromAsync(after.infer(say('remember me'))))).toBe('remember me')
  })

  it('stay apart when they are of different meshes', async () => {
    await using one = await startNode('one', [], ECHO)
    // It is told of the first, and stays in the mesh of its own.
    await using two = await startNode('two', [], { settings: { 'swarm.peers': one.status().addresses } })
    await using third = await startNode('third', [one], {
      settings: { 'swarm.peers': [...two.status().addresses, ...one.status().addresses] }
    })
    // The third was told of both, and can meet its own only after it met neither or both.
    await Promise.all([meets(third, one), meets(one, third)])
    expect(one.peers().map(({ name }) => name)).toEqual(['third'])
    expect(two.peers()).toEqual([])
    expect(two.models()).toEqual([])
  })
})

describe('three nodes in a row', () => {
  it('know each other although the ends were never told of each other, and the ends can ask', async () => {
    await using left = await startNode('left', [], ECHO)
    await using middle = await startNode('middle', [left])
    await using right = await startNode('right', [middle])
    await knows(right, left)
    expect(textOf(await Array.fromAsync(right.infer(say('from end to end'))))).toBe('from end to end')
    expect(middle.peers().length).toBeGreaterThanOrEqual(2)
  })
})

describe('a request', () => {
  it('is answered here when this node can', async () => {
    await using near = await startNode('near', [], ECHO)
    await using far = await startNode('far', [near], ECHO)
    await meets(near, far)
    const routes: string[] = []
    await Array.fromAsync(near.infer(say('who?'), { onRoute: ({ route }) => routes.push(route) }))
    expect(routes).toEqual(['local'])
  })

  it('goes to the peer that is named, by name or id', async () => {
    await using near = await startNode('near', [], ECHO)
    await using far = await startNode('far', [near], ECHO)
    await meets(near, far)
    for (const peer of ['far', far.peerId]) {
      const routes: string[] = []
      await Array.fromAsync(near.infer(say('who?'), { peer, onRoute: ({ peerId }) => routes.push(peerId) }))
      expect(routes).toEqual([far.peerId])
    }
  })

  it('that is served is never sent on', async () => {
    await using server = await startNode('server', [], ECHO)
    await using middle = await startNode('middle', [server])
    await using asker = await startNode('asker', [middle])
    await knows(asker, server)
    // The middle offers nothing, so asking it for what only the server has is refused there.
    expect(await codeOf(Array.fromAsync(asker.infer(say('pass it on'), { peer: 'middle' })))).toBe(
      'NO_PROVIDER'
    )
  })

  it('is cancelled on the peer when the asker leaves', async () => {
    await using server = await startNode('server', [], ECHO)
    await using asker = await startNode('asker', [server])
    await meets(asker, server)
    const many = say('word '.repeat(10_000))
    for await (const chunk of asker.infer(many)) if (chunk.index === 3) break
    expect(textOf(await Array.fromAsync(asker.infer(say('still here'))))).toBe('still here')
  })
})

describe('a node', () => {
  it('refuses what is asked before it runs and after it stopped', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-node-'))
    const node = await createDrivenNode({ home, settings: ALONE })
    expect(await codeOf(Array.fromAsync(node.infer(say('too early'))))).toBe('NODE_NOT_RUNNING')
    await node.start()
    await node.stop()
    await node.stop()
    expect(await codeOf(Array.fromAsync(node.infer(say('too late'))))).toBe('NODE_NOT_RUNNING')
  })

  it('frees its home when it cannot start', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lumos-node-'))
    const network = { transports: [], listen: ['/ip4/127.0.0.1/tcp/0'], discovery: [], dial: [] }
    const broken = await createDrivenNode({ home, settings: ALONE, network })
    await expect(broken.start()).rejects.toThrow()
    await using node = await createDrivenNode({ home, settings: ALONE })
    await node.start()
    expect(node.status().uptimeS).toBeGreaterThanOrEqual(0)
  })

  it('keeps its home to itself', async () => {
    await using node = await startNode('first')
    expect(await codeOf(createDrivenNode({ home: node.home.path, settings: ALONE }))).toBe('HOME_LOCKED')
  })
})
