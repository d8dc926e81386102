import { afterEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import type { LumosNode } from '../../interface/node.ts'
import { Cluster, type ClusterOptions } from '../../sim/cluster.ts'
import { Schedule } from '../../sim/faults/fault.ts'
import { PRESETS } from '../../sim/network/presets.ts'
import type { DataDir } from '../../storage/home/data-dir.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

/** A busy machine takes its time; what never comes fails here. */
const PATIENCE_MS = 50_000

const clusters: Cluster[] = []
afterEach(async () => {
  for (const cluster of clusters.splice(0)) await cluster[Symbol.asyncDispose]()
})

/** Started, and everyone has met everyone. */
async function running(options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await Cluster.create({ nodes: 3, seed: 1, acquaintances: 2, ...options })
  clusters.push(cluster)
  await cluster.start(AbortSignal.timeout(PATIENCE_MS))
  await becomes('everyone has met', () => cluster.nodes.every(node => node.peers().length === 2))
  return cluster
}

async function becomes(what: string, holds: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS
  while (!holds()) {
    expect(performance.now(), what).toBeLessThan(endMs)
    await new Promise<void>(resolve => systemClock.setTimer(resolve, 20))
  }
}

const UNSYNCED = Buffer.from('/unsynced')

/** The databases of a host's node. */
const disksOf = (cluster: Cluster, index: number) =>
  cluster.hosts[index]!.node.home as unknown as Pick<DataDir, 'core' | 'cache'>

const sees = (node: LumosNode, other: LumosNode): boolean =>
  node.peers().some(({ peerId }) => peerId === other.peerId)

async function ask(asker: LumosNode, other: LumosNode): Promise<string> {
  const request = { model: 'echo', input: { messages: [{ role: 'user', content: 'well?' }] } }
  const chunks = await Array.fromAsync(asker.infer(request, { peer: other.peerId }))
  return chunks.map(chunk => (chunk.type === 'text' ? chunk.text : '')).join('')
}

describe('a node of a cluster', () => {
  it('that lost power comes back from what its disk had synced, as the member it was', async () => {
    const cluster = await running()
    const [other, , lost] = cluster.nodes as [LumosNode, LumosNode, LumosNode]
    const { peerId } = lost
    let highest = 0
    other.events.addEventListener('manifest.updated', ({ detail }) => {
      if (detail.peerId === peerId) {
        expect(detail.sequence).toBeGreaterThan(highest)
        highest = detail.sequence
      }
    })
    // One commit waits for the disk, the other does not.
    disksOf(cluster, 2).core.prepare('INSERT INTO counter VALUES (?, ?)').run('synced', 1)
    disksOf(cluster, 2).cache.prepare('INSERT INTO datastore VALUES (?, ?)').run(UNSYNCED, UNSYNCED)
    await cluster.inflict({ kind: 'crash', node: 2, how: 'power' })
    expect(cluster.hosts[2]!.state).toBe('crashed')
    expect(cluster.alive).toHaveLength(2)
    // Nobody told it: for now it looks as if it were there.
    expect(sees(other, lost)).toBe(true)

    await cluster.inflict({ kind: 'restart', node: 2 })
    expect(cluster.nodes[2]).not.toBe(lost)
    expect(cluster.nodes[2]!.peerId).toBe(peerId)
    const { core, cache } = disksOf(cluster, 2)
    expect(core.prepare('SELECT value FROM counter WHERE name = ?').get('synced')).toBeDefined()
    expect(cache.prepare('SELECT value FROM datastore WHERE key = ?').get(UNSYNCED)).toBeUndefined()
    await becomes('it is met again', () => sees(cluster.nodes[2]!, other))
    await becomes('its new manifest came', () => highest > 0)
    await expect(ask(cluster.nodes[2]!, other)).resolves.toBe('well?')
  })

  it('that is silent is noticed by the pings of the others, though nobody told them', async () => {
    const cluster = await running({ nodes: 3 })
    const [one, other] = cluster.nodes as [LumosNode, LumosNode]
    await cluster.inflict({ kind: 'link', from: [0], to: 'all', both: true, state: 'blackhole' })
    expect(sees(other, one)).toBe(true)
    await becomes('the others miss it', () => !sees(other, one))
    await cluster.inflict({ kind: 'heal' })
    await becomes('they meet again', () => sees(other, one) && sees(one, other))
  })

  it('whose process was killed is missed at once', async () => {
    const cluster = await running()
    const [one, other] = cluster.nodes as [LumosNode, LumosNode]
    const left = new Promise(resolve =>
      other.events.addEventListener('peer.left', ({ detail }) => {
        if (detail.peerId === one.peerId) resolve(undefined)
      })
    )
    await cluster.inflict({ kind: 'crash', node: 0, how: 'kill' })
    await left
    await cluster.inflict({ kind: 'restart', node: 0 })
    await becomes('it is met again', () => sees(cluster.nodes[0]!, other))
  })

  it('that is paused neither answers nor announces, and answers what it was asked when it goes on', async () => {
    const cluster = await running()
    const [one, other] = cluster.nodes as [LumosNode, LumosNode]
    await expect(ask(one, other)).resolves.toBe('well?')
    await cluster.inflict({ kind: 'pause', node: 1 })
    let answered = false
    const answer = ask(one, other).finally(() => {
      answered = true
    })
    await new Promise<void>(resolve => systemClock.setTimer(resolve, 300))
    expect(answered).toBe(false)
    await cluster.inflict({ kind: 'resume', node: 1 })
    await expect(answer).resolves.toBe('well?')
  })

  it('has a wall clock of its own, and nobody else follows its jumps', async () => {
    const cluster = await running()
    const [wrong, right] = [cluster.hosts[0]!.clock, cluster.hosts[1]!.clock]
    const beforeMs = wrong.monotonicMs()
    await cluster.inflict({ kind: 'clock', node: 0, jumpMs: -3_600_000, driftPpm: 50_000 })
    expect(right.wallMs() - wrong.wallMs()).toBeGreaterThan(3_500_000)
    expect(wrong.monotonicMs()).toBeGreaterThanOrEqual(beforeMs)
    await cluster.inflict({ kind: 'crash', node: 0, how: 'kill' })
    await cluster.inflict({ kind: 'restart', node: 0 })
    expect(right.wallMs() - cluster.hosts[0]!.clock.wallMs()).toBeGreaterThan(3_500_000)
    await cluster.inflict({ kind: 'heal' })
    expect(Math.abs(right.wallMs() - cluster.hosts[0]!.clock.wallMs())).toBeLessThan(1000)
    await becomes('it is a member as before', () => sees(cluster.nodes[0]!, cluster.nodes[1]!))
  })

  it('on a full disk goes on answering, and its databases refuse to grow', async () => {
    const cluster = await running()
    const [one, other] = cluster.nodes as [LumosNode, LumosNode]
    await cluster.inflict({ kind: 'disk', node: 1, full: true })
    const { core } = disksOf(cluster, 1)
    const grow = () =>
      core
        .prepare('INSERT OR REPLACE INTO invite VALUES (?, ?, ?, ?, ?)')
        .run('x', 'y'.repeat(100_000), 'member', 0, null)
    expect(grow).toThrow(expect.objectContaining({ code: 'STORE_FULL' }))
    await expect(ask(one, other)).resolves.toBe('well?')
    await cluster.inflict({ kind: 'heal' })
    grow()
  })
})

describe('a link that corrupts', () => {
  it('costs the connection, and no handler sees what it did', async () => {
    const cluster = await running()
    const [one, other] = cluster.nodes as [LumosNode, LumosNode]
    await cluster.inflict({ kind: 'link', from: [0], to: [1], model: { corruptRate: 1 } })
    const left = new Promise(resolve => other.events.addEventListener('peer.left', resolve, { once: true }))
    await ask(one, other).catch(() => {})
    await left
    for (const { log } of cluster.hosts) {
      expect([...log.codes.keys()]).not.toContain('PROTOCOL_VIOLATION')
      expect(log.lines.filter(({ level }) => level === 'error')).toEqual([])
    }
    await cluster.inflict({ kind: 'heal' })
    await becomes('they meet again', () => sees(one, other))
    await expect(ask(one, other)).resolves.toBe('well?')
  })
})

describe('a cluster', () => {
  it('is one mesh again after a partition', async () => {
    const cluster = await running({ link: PRESETS['good-wifi'] })
    const [one, other] = cluster.nodes as [LumosNode, LumosNode]
    await cluster.inflict({ kind: 'partition', groups: [[0], [1, 2]], state: 'down' })
    await becomes('the halves lose each other', () => !sees(one, other) && sees(cluster.nodes[2]!, other))
    await cluster.inflict({ kind: 'heal' })
    await becomes('they are one again', () => cluster.nodes.every(node => node.peers().length === 2))
  })

  it('flaps its links until it is healed', async () => {
    const cluster = await running()
    const link = cluster.network.link('node-0', 'node-1')
    await cluster.inflict({ kind: 'flap', from: [0], to: [1], state: 'clogged', upMs: 30, downMs: 30 })
    expect(link.state).toBe('clogged')
    await becomes('it is up', () => link.state === 'up')
    await becomes('it is clogged again', () => link.state === 'clogged')
    await cluster.inflict({ kind: 'heal' })
    expect(link.state).toBe('up')
  })

  it('writes down what was done to it, and another one can repeat it', async () => {
    const cluster = await running()
    await cluster.inflict({ kind: 'pause', node: 2 })
    await cluster.inflict({ kind: 'link', from: [0], to: [1], preset: 'satellite', state: 'clogged' })
    await cluster.inflict({ kind: 'resume', node: 2 })
    const schedule = Schedule.parse(JSON.parse(JSON.stringify(cluster.schedule)))
    expect(schedule).toMatchObject({ seed: 1, nodes: 3 })
    expect(schedule.entries.map(({ fault }) => fault.kind)).toEqual([
      'start',
      'start',
      'start',
      'pause',
      'link',
      'resume'
    ])

    const again = await Cluster.create({ nodes: 3, seed: schedule.seed, acquaintances: 2 })
    clusters.push(again)
    await again.replay(schedule, AbortSignal.timeout(PATIENCE_MS))
    expect(again.schedule.entries.map(({ fault }) => fault)).toEqual(
      schedule.entries.map(({ fault }) => fault)
    )
    expect(again.hosts.map(({ state }) => state)).toEqual(['running', 'running', 'running'])
    expect(again.network.link('node-0', 'node-1').model.delay.ms).toBe(PRESETS.satellite.delay.ms)
    for (const [i, { atMs }] of again.schedule.entries.entries()) {
      expect(atMs).toBeGreaterThanOrEqual(schedule.entries[i]!.atMs - 2)
    }
  })
})
