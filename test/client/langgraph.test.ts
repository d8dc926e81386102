/** LangGraph over a node: the suite of its makers, and what that suite leaves open. */

import { type CheckpointTuple, emptyCheckpoint, uuid6 } from '@langchain/langgraph-checkpoint'
import { deltaChannelHistoryTests, validate } from '@langchain/langgraph-checkpoint-validation'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LumosSaver, LumosStore } from '../../client/langgraph/index.ts'
import { newestFirst } from '../../client/langgraph/records.ts'
import type { MemoryValue } from '../../interface/memory.ts'
import { startGateway } from '../gateway/running-gateway.ts'

// The suite takes them from where a runner of tests puts them by default.
Object.assign(globalThis, { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it })

let gateway: Awaited<ReturnType<typeof startGateway>>
let made = 0

beforeAll(async () => {
  gateway = await startGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** In a space of its own. */
async function newSpace() {
  const space = `graph-${made++}`
  await gateway.node.memory.create(space)
  return { space, url: gateway.gateway.url!, token: gateway.token }
}

const initializer = {
  checkpointerName: 'LumosSaver',
  createCheckpointer: async () => new LumosSaver(await newSpace())
}

validate(initializer)
deltaChannelHistoryTests(initializer)

const META = { source: 'loop', step: 0, parents: {} } as const
const thread = (thread_id: string, checkpoint_id?: string) => ({
  configurable: { thread_id, checkpoint_ns: '', ...(checkpoint_id && { checkpoint_id }) }
})
const holding = (values: Record<string, unknown>) => ({
  ...emptyCheckpoint(),
  id: uuid6(0),
  channel_values: values
})
const all = (saver: LumosSaver, id: string): Promise<CheckpointTuple[]> =>
  Array.fromAsync(saver.list(thread(id)))

describe('a saver', () => {
  it('keeps what is larger than an envelope, whole', async () => {
    const saver = new LumosSaver(await newSpace())
    const values = { text: 'ö"\n'.repeat(200_000), bytes: new Uint8Array([0, 255, 10]), none: null }
    const config = await saver.put(thread('long'), holding(values), META, { text: 1, bytes: 1, none: 1 })
    const { checkpoint } = (await saver.getTuple(config))!
    expect(checkpoint.channel_values.text === values.text).toBe(true)
    expect(checkpoint.channel_values).toMatchObject({ bytes: values.bytes, none: null })
  })

  it('shows no checkpoint of which a part is missing or another one', async () => {
    const options = await newSpace()
    const saver = new LumosSaver(options)
    const first = await saver.put(thread('t'), holding({ a: 'whole' }), META, { a: 1 })
    await saver.put(first, holding({ a: 'x'.repeat(300_000) }), META, { a: 1 })
    expect(await all(saver, 't')).toHaveLength(2)
    const { memory } = gateway.node
    const doc = (await memory.docs(options.space)).find(({ name }) => name.endsWith('.data'))!.name
    const { facts } = (await memory.read(options.space, doc)) as unknown as { facts: Record<string, string> }
    const [key] = Object.entries(facts).find(([, value]) => value.startsWith('xxx'))!
    await memory.write(options.space, doc, 'facts', [{ type: 'set', key, value: 'y' }])
    expect((await all(saver, 't')).map(({ checkpoint }) => checkpoint.channel_values)).toEqual([
      { a: 'whole' }
    ])
    await memory.write(options.space, doc, 'facts', [{ type: 'unset', key }])
    expect((await saver.getTuple(thread('t')))!.checkpoint.channel_values).toEqual({ a: 'whole' })
  })

  it('writes again what a checkpoint inherits and is not there, and says where no checkpoint is whole', async () => {
    const options = await newSpace()
    const saver = new LumosSaver(options)
    const values = { a: 'x'.repeat(300_000), b: 1 }
    const first = await saver.put(thread('t'), holding(values), META, { a: 1, b: 1 })
    const { memory } = gateway.node
    const doc = (await memory.docs(options.space)).find(({ name }) => name.endsWith('.data'))!.name
    const { facts } = (await memory.read(options.space, doc)) as unknown as { facts: Record<string, string> }
    const [key] = Object.entries(facts).find(([, value]) => value.startsWith('xxx'))!
    await memory.write(options.space, doc, 'facts', [{ type: 'unset', key }])
    await expect(saver.getTuple(thread('t'))).rejects.toMatchObject({ code: 'MEMORY_NOT_FOUND' })
    await expect(saver.getTuple(first)).rejects.toThrow('"t"')
    const second = await saver.put(first, holding({ ...values, b: 2 }), META, { b: 2 })
    const { checkpoint } = (await saver.getTuple(second))!
    expect(checkpoint.channel_values.a === values.a).toBe(true)
    expect(checkpoint.channel_values.b).toBe(2)
  })

  it('keeps a write to a channel of any name', async () => {
    const saver = new LumosSaver(await newSpace())
    const config = await saver.put(thread('t'), holding({}), META, {})
    await saver.putWrites(config, [['constructor', 1]], 'task')
    expect((await saver.getTuple(config))!.pendingWrites).toEqual([['task', 'constructor', 1]])
  })

  it('takes nothing from what other programs have written among its records', async () => {
    const options = await newSpace()
    const saver = new LumosSaver(options)
    await saver.put(thread('t'), holding({ a: 1 }), META, { a: 1 })
    const { memory } = gateway.node
    const doc = (await memory.docs(options.space)).find(({ name }) => !name.endsWith('.data'))!.name
    const { facts } = (await memory.read(options.space, doc)) as unknown as { facts: Record<string, object> }
    const [record] = Object.values(facts)
    const changes = [7, null, 'text', {}, { ...record!, id: 'f' }, { ...record!, body: ['x', 1e9] }].map(
      (value, i) => ({ type: 'set', key: `other-${i}`, value: value as MemoryValue }) as const
    )
    await memory.write(options.space, doc, 'facts', changes)
    expect(await all(saver, 't')).toHaveLength(1)
  })

  it('writes what a task has written once, however often it is said', async () => {
    const saver = new LumosSaver(await newSpace())
    const config = await saver.put(thread('t'), holding({}), META, {})
    await saver.putWrites(config, [['a', 1]], 'task')
    await saver.putWrites(
      config,
      [
        ['a', 2],
        ['b', 3]
      ],
      'task'
    )
    await saver.putWrites(config, [['__interrupt__', 'first']], 'task')
    await saver.putWrites(config, [['__interrupt__', 'second']], 'task')
    expect((await saver.getTuple(config))!.pendingWrites).toEqual([
      ['task', '__interrupt__', 'second'],
      ['task', 'a', 1],
      ['task', 'b', 3]
    ])
  })

  it('leaves nothing of a thread that is deleted', async () => {
    const options = await newSpace()
    const saver = new LumosSaver(options)
    const config = await saver.put(thread('t'), holding({ a: 'x'.repeat(300_000) }), META, { a: 1 })
    await saver.putWrites(config, [['a', 1]], 'task')
    await saver.deleteThread('t')
    expect(await all(saver, 't')).toEqual([])
    expect((await gateway.node.memory.space(options.space)).entries).toBe(0)
  })

  it('takes what follows a checkpoint for newer, though the clock of its device is behind', () => {
    const record = (id: string, parent: string | null) =>
      ({ thread: 't', ns: '', id, parent, body: ['hash', 1] }) as const
    const ids = (...records: ReturnType<typeof record>[]) => newestFirst(records).map(({ id }) => id)
    expect(ids(record('9', null), record('3', '9'), record('4', '3'))).toEqual(['4', '3', '9'])
    // Of two branches that of the larger id, whole.
    expect(ids(record('1', null), record('2', '1'), record('5', '1'), record('3', '2'))[0]).toBe('5')
    expect(ids(record('1', '2'), record('2', '1'), record('3', 'gone'))).toHaveLength(3)
  })

  it('says which space is not there, and which node', async () => {
    const { url, token } = await newSpace()
    const lost = new LumosSaver({ space: 'nowhere', url, token })
    await expect(lost.getTuple(thread('t'))).rejects.toMatchObject({ code: 'MEMORY_NOT_FOUND' })
    await expect(lost.put(thread('t'), holding({}), META, {})).rejects.toThrow('nowhere')
    const away = new LumosSaver({ space: 'x', home: '/nonexistent' })
    await expect(away.getTuple(thread('t'))).rejects.toMatchObject({ code: 'NODE_NOT_RUNNING' })
    const stranger = new LumosSaver({ space: 'x', url, token: 'wrong' })
    await expect(stranger.getTuple(thread('t'))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

describe('a store', () => {
  it('keeps items by namespace, and finds them by its beginning and by filter', async () => {
    const store = new LumosStore(await newSpace())
    await store.put(['users', 'ann'], 'likes', { food: 'soup', stars: 3 })
    await store.put(['users', 'ann'], 'home', { town: 'Bern' })
    await store.put(['users', 'bob: no'.replace(':', '')], 'likes', { food: 'rice', stars: 5 })
    await store.put(['teams'], 'red', { size: 2 })
    const { createdAt } = (await store.get(['users', 'ann'], 'likes'))!
    await store.put(['users', 'ann'], 'likes', { food: 'stew', stars: 4 })
    const item = (await store.get(['users', 'ann'], 'likes'))!
    expect(item).toMatchObject({ value: { food: 'stew' }, namespace: ['users', 'ann'], createdAt })
    expect(item.updatedAt >= createdAt).toBe(true)
    expect(await store.get(['users'], 'likes')).toBeNull()

    const keys = async (...asked: Parameters<LumosStore['search']>) =>
      (await store.search(...asked)).map(({ value }) => value.food ?? value.town ?? value.size)
    expect((await keys(['users'])).toSorted()).toEqual(['Bern', 'rice', 'stew'])
    expect(await keys(['users'], { filter: { stars: { $gte: 5 } } })).toEqual(['rice'])
    expect(await keys([], { filter: { size: 2 } })).toEqual([2])
    expect(await keys(['users'], { limit: 1 })).toEqual(['stew'])
    expect(await keys(['users', 'a'])).toEqual([])
    expect(await store.listNamespaces({ maxDepth: 1 })).toEqual([['teams'], ['users']])
    expect(await store.listNamespaces({ suffix: ['ann'] })).toEqual([['users', 'ann']])
    await store.delete(['teams'], 'red')
    expect(await store.get(['teams'], 'red')).toBeNull()
    expect(await store.listNamespaces({ prefix: ['teams'] })).toEqual([])
  })

  it('refuses what it cannot keep', async () => {
    const store = new LumosStore(await newSpace())
    await expect(store.put([], 'a', {})).rejects.toThrow('empty')
    await expect(store.put(['a'], '__proto__', {})).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    await expect(store.put(['a'], 'b', { text: 'x'.repeat(300_000) })).rejects.toMatchObject({
      code: 'INPUT_TOO_LARGE'
    })
    expect(await store.search(['a'])).toEqual([])
  })

  it('finds items by a query, in the namespaces that are meant', async () => {
    const store = new LumosStore(await newSpace())
    expect(await store.search([], { query: 'soup' })).toEqual([])
    await store.put(['users', 'ann'], 'a', { likes: 'tomato soup', old: true })
    await store.put(['users', 'bob'], 'b', { likes: 'soup of beans' })
    await store.put(['users', 'bob'], 'c', { likes: 'rice' })
    await store.put(['teams'], 'd', { likes: 'soup' })
    const found = await store.search(['users'], { query: 'soup' })
    expect(found.map(({ key }) => key).toSorted()).toEqual(['a', 'b'])
    expect(found.every(({ score }) => score !== undefined && score > 0)).toBe(true)
    const old = await store.search(['users'], { query: 'soup', filter: { old: true } })
    expect(old.map(({ key }) => key)).toEqual(['a'])
  })
})
