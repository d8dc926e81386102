/** Events on disk: of one start of the node and the next, and what a disk that refuses costs. */

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import type { EventData, EventGap, EventName, NodeEvent } from '../../interface/events.ts'
import { JOURNAL_EVENTS } from '../../interface/journal.ts'
import { EVENTS_KEPT_MAX, EventBus } from '../../node/events/event-bus.ts'
import type { MeshContext } from '../../node/feature.ts'
import { Journal } from '../../node/journal/journal.ts'
import { FeatureDatabase } from '../../storage/database/feature-database.ts'
import { EVENT_TABLES, EventTable } from '../../storage/events/event-table.ts'
import { openDataDir } from '../../storage/home/data-dir.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const SETTINGS = { days: 7, eventsMax: 50_000 }
let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lumos-journal-'))
})
afterEach(() => rm(home, { recursive: true }))

/** One start of a node: its events, and the journal of them. */
async function start({ settings = SETTINGS, random = 0.5, mesh = 'm1', atMs = 1e12 } = {}) {
  const clock = new ManualClock()
  clock.wallMs = () => atMs + clock.monotonicMs()
  const dir = await openDataDir(home)
  const store = new FeatureDatabase(dir.featureDatabase('journal', EVENT_TABLES), EVENT_TABLES)
  const events = new EventBus({ clock, random: () => random, declared: JOURNAL_EVENTS })
  const emit = <N extends EventName>(name: N, data: EventData<N>) => events.emit(name, data)
  const journal = new Journal({ clock, log, events, settings, emit, database: store.database })
  const enter = (meshId: string) => {
    store.enter(meshId)
    journal.join({ meshId } as MeshContext)
  }
  enter(mesh)
  return {
    ...{ clock, dir, events, emit, journal, enter },
    leave: (n: number) => emit('peer.left', { peerId: `p${n}` }),
    async [Symbol.asyncDispose]() {
      await journal.close()
      dir.close()
    }
  }
}

const peers = (items: readonly (NodeEvent | EventGap)[]) =>
  items.map(item => (item.type === 'gap' ? `gap ${item.lost}` : (item.data as { peerId?: string }).peerId))

describe('the journal of events', () => {
  it('has them after a restart, and gives them to a subscriber that comes back, then goes on', async () => {
    let place: NodeEvent
    {
      await using first = await start()
      for (const n of [1, 2, 3]) first.leave(n)
      const { items } = await first.journal.query({ types: ['peer.*'] })
      assert.deepEqual(peers(items), ['p1', 'p2', 'p3'])
      place = items[0]!
      first.leave(4)
    }
    await using second = await start({ random: 0.6 })
    second.leave(5)
    const { items, cursor } = await second.journal.query({ limit: 3 })
    assert.deepEqual(peers(items), ['p1', 'p2', 'p3'])
    assert.deepEqual(peers((await second.journal.query({ cursor: cursor! })).items), ['p4', 'p5'])
    const { epoch, sequence } = place
    const since = { epoch, sequence }
    const back = await Array.fromAsync(second.journal.subscribe({ since, follow: false }))
    assert.deepEqual(peers(back), ['p2', 'p3', 'p4', 'p5'])
    const unknown = await Array.fromAsync(
      second.journal.subscribe({ since: { epoch: 'other', sequence: 9 }, follow: false })
    )
    assert.deepEqual(peers(unknown), ['gap null', 'p5'])
  })

  it('is asked by name, domain, time and request, and holds no progress', async () => {
    await using node = await start()
    const requestId = 'ab'.repeat(16)
    const request = { requestId, task: 'text-generation', model: 'm' }
    node.emit('inference.request_started', request)
    node.clock.advance(1000)
    node.emit('job.progress', {
      ...{ jobId: 'j', kind: 'model.pull' },
      progress: { done: 1, total: 2, unit: 'bytes', message: '' }
    })
    node.emit('job.changed', { jobId: 'j', kind: 'model.pull', state: 'done' })
    node.emit('inference.request_failed', { ...request, code: 'CANCELLED', durationMs: 1 })
    const names = async (query: Parameters<Journal['query']>[0]) =>
      (await node.journal.query(query)).items.map(({ name }) => name)
    assert.deepEqual(await names({ correlationId: requestId }), [
      'inference.request_started',
      'inference.request_failed'
    ])
    assert.deepEqual(await names({ domain: 'job' }), ['job.changed'])
    assert.deepEqual(await names({ correlationId: 'j' }), ['job.changed'])
    assert.deepEqual(await names({ untilMs: 1e12 }), ['inference.request_started'])
    assert.deepEqual(await names({ sinceMs: 1e12 + 1, types: ['inference.*'] }), ['inference.request_failed'])
    assert.deepEqual(await names({ types: ['inference.*'], domain: 'job' }), [])
    for (const wrong of [{ types: ['peer.joind'] }, { domain: 'nothing' }, { cursor: "1' OR 1" }]) {
      await assert.rejects(node.journal.query(wrong), { code: 'INVALID_INPUT' })
    }
  })

  it('forgets by age, and over its number takes from the domain with the most events', async () => {
    {
      await using old = await start()
      old.leave(1)
    }
    await using node = await start({
      ...{ settings: { days: 7, eventsMax: 10 }, random: 0.6 },
      atMs: 1e12 + 8 * 86_400_000
    })
    node.emit('mesh.renamed', { mesh: 'den' })
    assert.deepEqual(
      (await node.journal.query()).items.map(({ name }) => name),
      ['mesh.renamed']
    )
    // A peer that comes and goes pushes out no event of the mesh.
    for (let n = 0; n < 100; n++) node.leave(n)
    const { items } = await node.journal.query()
    assert.deepEqual(peers(items), [undefined, ...[91, 92, 93, 94, 95, 96, 97, 98, 99].map(n => `p${n}`)])
  })

  it('loses what a disk refuses or what comes too fast, counts it and says it, and no emit fails', async () => {
    await using node = await start()
    node.dir.refuseGrowth(true)
    // Each is longer than a page, so that no free space takes it.
    for (let n = 0; n < 20; n++)
      node.emit('mesh.seen', { meshId: `${n}`, mesh: 'x'.repeat(8000), peerId: 'p' })
    assert.deepEqual((await node.journal.query()).items, [])
    assert.equal(node.journal.lost, 20)
    node.dir.refuseGrowth(false)
    node.leave(1)
    for (let i = 0; i < 2; i++) await node.journal.query()
    for (let n = 0; n < EVENTS_KEPT_MAX + 5; n++) node.leave(n)
    for (let i = 0; i < 2; i++) await node.journal.query()
    assert.equal(node.journal.lost, 25)
    const { items } = await node.journal.query({ domain: 'journal' })
    assert.deepEqual(
      items.map(({ data }) => data),
      [
        { lost: 20, reason: 'storage' },
        { lost: 5, reason: 'late' }
      ]
    )
  })

  it('writes on its own soon after an event', async () => {
    await using node = await start()
    const settled = () => new Promise(resolve => setImmediate(resolve))
    const table = new EventTable(node.dir.featureDatabase('journal', EVENT_TABLES))
    node.leave(1)
    await settled()
    assert.equal(table.count, 0)
    node.clock.advance(250)
    await settled()
    assert.equal(table.find({}, 0, 9).length, 1)
    assert.equal(node.clock.timers, 0)
  })

  it('writes nothing where it is off', async () => {
    await using node = await start({ settings: { days: 0, eventsMax: 1 } })
    node.leave(1)
    assert.deepEqual((await node.journal.query()).items, [])
    assert.equal(node.clock.timers, 0)
  })

  it('of one mesh is not there in the next, on disk or in memory', async () => {
    await using node = await start()
    node.leave(1)
    await node.journal.query()
    node.leave(2)
    node.enter('m2')
    node.leave(3)
    assert.deepEqual(peers((await node.journal.query()).items), ['p3'])
    const kept = node.events.subscribe({ since: 'oldest', follow: false })
    assert.deepEqual(peers(await Array.fromAsync(kept)), ['p3'])
  })
})
