/** Resources of a real node, whose watchers wait on a clock that the test moves. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { eventNames } from '../../interface/events.ts'
import { type PatchStep, patched } from '../../interface/json-patch.ts'
import type { Caller } from '../../interface/units.ts'
import { createUnits } from '../../units/index.ts'
import { addressed } from '../../units/resources/address.ts'
import { RESOURCES } from '../../units/resources/index.ts'
import { READ_MS_MIN } from '../../units/resources/watched.ts'
import { WATCHED_MAX } from '../../units/resources/watches.ts'
import { OF_ONE_MAX } from '../../units/shares.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { callerWith, contextOf, OWNER } from './callers.ts'
import { startNode } from './started-node.ts'

let started: Awaited<ReturnType<typeof startNode>>

beforeAll(async () => {
  started = await startNode()
})

afterAll(() => started[Symbol.asyncDispose]())

interface Item {
  readonly type: 'snapshot' | 'patch' | 'heartbeat'
  readonly id: string
  readonly data: unknown
  readonly patch: PatchStep[]
}

function setUp() {
  const { node, emit } = started
  const clock = new ManualClock()
  const units = createUnits({ node, gatewayUrl: () => undefined, rotateToken: () => 0, stop() {}, clock })
  let reads = 0
  const peers = units.get('mesh.peers')
  const name = (n: number) => ({ items: [{ ...PEER, rttMs: n }] })
  // Each reading gives another round trip.
  Object.assign(peers, { run: async () => name(++reads) })
  const watch = (uri: string, { caller = OWNER, since, signal }: Watching = {}) =>
    units.stream(
      'resource.watch',
      { uri, ...(since && { since }) },
      contextOf(caller, { signal })
    ) as AsyncGenerator<Item>
  return {
    units,
    clock,
    watch,
    reads: () => reads,
    /** What has changed is read when its time has come. */
    async change(): Promise<void> {
      emit('peer.left', { peerId: 'p' })
      await settled()
      clock.advance(READ_MS_MIN)
      await settled()
    }
  }
}

interface Watching {
  readonly caller?: Caller
  readonly since?: string
  readonly signal?: AbortSignal
}

const PEER = {
  ...{ peerId: 'p', name: 'p', path: 'tcp/tls', address: '/ip4/10.0.0.2/tcp/1', rttMs: null },
  ...{ software: null, capabilities: [], duplicated: false }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

/** The next item, for which the first reading may have to be due. */
async function next(items: AsyncGenerator<Item>, clock: ManualClock): Promise<Item> {
  const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<Item>>()
  items.next().then(resolve, reject)
  await settled()
  clock.advance(0)
  return (await promise).value as Item
}
const rttOf = (data: unknown) => (data as { items: { rtt_ms: number }[] }).items[0]!.rtt_ms

describe('the addresses of resources', () => {
  it('lead to units and events that there are, in both spellings', () => {
    const { units } = setUp()
    const names = [...started.node.events.schemas.keys()]
    for (const { pattern, unit, events } of RESOURCES) {
      assert.equal(units.get(unit).kind, 'query', pattern)
      assert.ok(eventNames(events, names).size > 0 || events.length === 0)
      const fields = [...pattern.matchAll(/\{(\w+)\}/g)].map(([, field]) => field)
      const input = units.list().find(({ name }) => name === unit)!.input as { properties: object }
      assert.ok(
        fields.every(field => Object.hasOwn(input.properties, field!)),
        pattern
      )
    }
    const uriOf = (address: string) => addressed(RESOURCES, address).uri
    assert.equal(uriOf('asms://models/registry'), 'lumos://models')
    assert.equal(uriOf('LUMOS:/engines/status/'), 'lumos://engines')
    assert.equal(uriOf('model/org/name%3Aq4'), 'lumos://model/org%2Fname%3Aq4')
    assert.deepEqual(addressed(RESOURCES, 'device/gpu0/health').input, { device_id: 'gpu0' })
    const filtered = addressed(RESOURCES, 'asms://models/registry?type=text-generation&status=ready')
    assert.equal(filtered.uri, 'lumos://models?status=ready&type=text-generation')
    assert.deepEqual(filtered.input, { status: 'ready', type: 'text-generation' })
    // Who is meant is in the path alone.
    assert.equal(addressed(RESOURCES, 'model/a?model_id=b').input.model_id, 'a')
  })

  it('are refused where no resource has them, with the closest', async () => {
    const { units } = setUp()
    const read = (uri: string, caller = OWNER) => units.execute('resource.read', { uri }, contextOf(caller))
    await assert.rejects(read('lumos://modles'), { code: 'RESOURCE_NOT_FOUND', hint: /lumos:\/\/models/ })
    for (const uri of [
      'lumos://',
      'device//info',
      'models/../../etc',
      'device/cpu/info/x',
      '../mesh/status'
    ]) {
      await assert.rejects(read(uri), { code: 'RESOURCE_NOT_FOUND' }, uri)
    }
    await assert.rejects(read('model/%zz'), { code: 'INVALID_INPUT' })
    for (const query of ['colour=red', 'status=hot', 'type=a&type=b', '__proto__=x', 'limit=1e9'])
      await assert.rejects(read(`lumos://models?${query}`), { code: 'INVALID_INPUT' }, query)
    await assert.rejects(read('x'.repeat(2000)), { code: 'INVALID_INPUT' })
    await assert.rejects(read('device/nothing1/info'), { code: 'INVALID_INPUT' })
    await assert.rejects(read('model/none'), { code: 'MODEL_NOT_FOUND' })
  })

  it('take filters, which their units check, to read and to watch', async () => {
    const { units, watch, clock } = setUp()
    const read = async (uri: string) => {
      const data = await units.execute('resource.read', { uri }, contextOf(OWNER))
      return (data as { total: number }).total
    }
    assert.equal(await read('lumos://models?type=tensor-none'), 0)
    assert.ok((await read('lumos://models?type=text-generation')) > 0)
    const items = watch('lumos://models?type=tensor-none')
    assert.equal(((await next(items, clock)).data as { total: number }).total, 0)
    await items.return(undefined)
  })

  it('give what their units give, to those who may ask the unit', async () => {
    const { units, watch } = setUp()
    const read = (uri: string, caller = OWNER) => units.execute('resource.read', { uri }, contextOf(caller))
    const direct = await units.execute('device.info', { device_id: 'cpu' }, contextOf(OWNER))
    assert.deepEqual(await read('asms://device/cpu/info'), direct)
    await assert.rejects(read('lumos://memory', callerWith('read')), { code: 'DENIED' })
    assert.throws(() => watch('lumos://memory', { caller: callerWith('read') }), { code: 'DENIED' })
    assert.throws(() => watch('lumos://device/NO/info'), { code: 'INVALID_INPUT' })
  })
})

describe('a watched resource', () => {
  it('is read once for all with the same rights, and four times a second at most', async () => {
    const { watch, clock, reads, change } = setUp()
    const [one, two] = [watch('lumos://mesh/peers'), watch('asms://mesh/peers')]
    const [a, b] = await Promise.all([next(one, clock), next(two, clock)])
    assert.deepEqual([a.type, rttOf(a.data), b.data, reads()], ['snapshot', 1, a.data, 1])

    const changed = one.next()
    for (let i = 0; i < 20; i++) started.emit('peer.left', { peerId: 'p' })
    clock.advance(READ_MS_MIN - 1)
    await settled()
    assert.equal(reads(), 1)
    clock.advance(1)
    assert.deepEqual((await changed).value!.patch, [{ op: 'replace', path: '/items/0/rtt_ms', value: 2 }])

    const other = watch('lumos://mesh/peers', { caller: callerWith('read') })
    assert.equal(rttOf((await next(other, clock)).data), 3)
    await change()
    // Nothing was read for `two` meanwhile: it gets both changes as one.
    const both = (await two.next()).value!
    assert.equal(both.type, 'patch')
    assert.equal(rttOf(patched(b.data, both.patch)), 4)
    for (const items of [one, two, other]) await items.return(undefined)
    assert.equal(clock.timers > 0, true)
    clock.advance(60_000)
    assert.equal(clock.timers, 0)
  })

  it('goes on after the item that a watcher has, and begins anew where it cannot', async () => {
    const { watch, clock, change } = setUp()
    const stays = watch('lumos://mesh/peers')
    const first = await next(stays, clock)
    await change()
    const resumed = watch('lumos://mesh/peers', { since: first.id })
    const missed = await next(resumed, clock)
    assert.deepEqual([missed.type, rttOf(patched(first.data, missed.patch))], ['patch', 2])
    for (const since of ['now', 'other-1', `${first.id.split('-')[0]}-999999`, `${first.id}9`, '-', '🙂']) {
      const anew = watch('lumos://mesh/peers', { since })
      assert.equal((await next(anew, clock)).type, 'snapshot', since)
      await anew.return(undefined)
    }
    // More changes than are kept, or longer than the whole.
    for (let i = 0; i < 80; i++) await change()
    assert.equal((await next(stays, clock)).type, 'snapshot')
    for (const items of [stays, resumed]) await items.return(undefined)
  })

  it('is read after its time though no event comes, and sends heartbeats meanwhile', async () => {
    const { watch, clock, units } = setUp()
    Object.assign(units.get('mesh.peers'), { run: async () => ({ items: [] }) })
    const items = watch('lumos://mesh/peers')
    assert.equal((await next(items, clock)).type, 'snapshot')
    const beat = items.next()
    for (let s = 0; s < 15; s++) {
      clock.advance(1000)
      await settled()
    }
    assert.equal((await beat).value!.type, 'heartbeat')
    await items.return(undefined)
  })

  it('ends with the error of its unit, for all, and with the signal of its caller', async () => {
    const { watch, clock } = setUp()
    const gone = watch('lumos://model/none')
    await assert.rejects(next(gone, clock), { code: 'MODEL_NOT_FOUND' })
    const leaving = new AbortController()
    const items = watch('lumos://mesh/peers', { signal: leaving.signal })
    await next(items, clock)
    const end = items.next()
    leaving.abort()
    assert.equal((await end).done, true)
  })

  it('is refused to one program or device beyond its share, and not to others', async () => {
    const { watch } = setUp()
    const leaving = new AbortController()
    let watching = 0
    const begin = (caller: Caller) => {
      void watch('lumos://mesh/peers', { caller, signal: leaving.signal }).next()
      watching++
    }
    const token: Caller = { ...callerWith('read'), token: 'notebook' }
    const peer: Caller = { origin: 'peer', peerId: 'p', permissions: ['read'] }
    for (const caller of [token, peer]) {
      for (let n = 0; n < OF_ONE_MAX; n++) begin(caller)
      await settled()
      assert.throws(() => watch('lumos://mesh/peers', { caller }), { code: 'OVERLOADED' })
    }
    begin({ ...token, token: 'other' })
    for (let n = 0; n <= OF_ONE_MAX; n++) begin(OWNER)
    await settled()
    assert.equal(watching, 3 * OF_ONE_MAX + 2)
    leaving.abort()
  })

  it('is not refused to the owner, however many devices watch all that they may', async () => {
    const { watch, clock } = setUp()
    const leaving = new AbortController()
    for (let peer = 0; peer < WATCHED_MAX / OF_ONE_MAX; peer++) {
      const caller: Caller = { origin: 'peer', peerId: `p${peer}`, permissions: ['read'] }
      for (let n = 0; n < OF_ONE_MAX; n++)
        watch(`lumos://model/m${n}`, { caller, signal: leaving.signal })
          .next()
          .catch(() => {})
    }
    await settled()
    const others: Caller = { origin: 'peer', peerId: 'last', permissions: ['read'] }
    await assert.rejects(watch('lumos://models', { caller: others }).next(), { code: 'OVERLOADED' })
    const items = watch('lumos://models', { signal: leaving.signal })
    assert.equal((await next(items, clock)).type, 'snapshot')
    leaving.abort()
  })

  it('is refused beyond the number that is kept', async () => {
    const { watch, clock } = setUp()
    const all: AsyncGenerator<Item>[] = []
    const begin = (n: number) => {
      const items = watch(`lumos://model/m${n}`)
      void items.next().catch(() => {})
      all.push(items)
    }
    for (let n = 0; n < WATCHED_MAX; n++) begin(n)
    await settled()
    await assert.rejects(watch('lumos://models').next(), { code: 'OVERLOADED' })
    clock.advance(0)
    await settled()
    // Those failed, and so give way.
    const items = watch('lumos://models')
    assert.equal((await next(items, clock)).type, 'snapshot')
    await items.return(undefined)
  })
})
