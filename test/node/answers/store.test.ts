/** Kept answers on disk: what a kill leaves, what expires, what is over the limits, and what peers may take up. */

import assert from 'node:assert/strict'
import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import type { InferenceChunk } from '../../../interface/chunks.ts'
import { systemClock } from '../../../interface/clock.ts'
import { AnswerStore, nameOf } from '../../../node/answers/answer-store.ts'
import { KeptAnswer } from '../../../node/answers/kept-answer.ts'
import { type KeptFile, overLimits } from '../../../node/answers/retention.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const LIMITS = { keptMs: 3_600_000, bytesMax: 1e6, filesMax: 100, peerShare: 1 / 8 }
const KEY = new Uint8Array(32).fill(7)

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lumos-answers-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** Its wall clock is moved by hand. */
function clockAt(wallMs = Date.now()) {
  let nowMs = wallMs
  const advance = (ms: number) => {
    nowMs += ms
  }
  return { ...systemClock, wallMs: () => nowMs, advance }
}

const storeOf = (options: Partial<ConstructorParameters<typeof AnswerStore>[0]> = {}) =>
  new AnswerStore({ directory, key: KEY, clock: systemClock, log, limits: LIMITS, ...options })

const text = (index: number, text = `word${index} `): InferenceChunk => ({ type: 'text', index, text })
const done = (index: number): InferenceChunk => ({ type: 'done', index, finishReason: 'stop', usage: {} })

/** An answer that is kept, and gets its chunks from here. */
function answerIn(
  store: AnswerStore,
  id: string,
  { askedBy, base = 0 }: { askedBy?: string; base?: number } = {}
) {
  const name = nameOf(askedBy === undefined ? 'a' : 'o', id)
  const waiting: ((chunk: InferenceChunk) => void)[] = []
  const come: InferenceChunk[] = []
  const answer: KeptAnswer = new KeptAnswer({
    head: { id, mesh: 'm', createdAtMs: 1, ...(askedBy && { askedBy }), note: { said: 'hello' } },
    durable: true,
    onChange: () => store.changed(answer, name),
    onUnread() {},
    load: (_, from) => store.chunks(name, from)
  })
  void store.keep(name, answer)
  let next = base
  const run = answer.run(async function* () {
    for (;;) {
      const chunk = come.shift() ?? (await new Promise<InferenceChunk>(resolve => waiting.push(resolve)))
      yield chunk
      if (chunk.type === 'done') return
    }
  })
  const give = (chunk: InferenceChunk) => {
    const taker = waiting.shift()
    if (taker === undefined) come.push(chunk)
    else taker(chunk)
  }
  return {
    name,
    answer,
    /** Waits until they have been taken. */
    async words(count: number, of?: string) {
      for (let i = 0; i < count; i++) give(text(next++, of))
      while (answer.chunks < next) await new Promise(setImmediate)
    },
    async end() {
      give(done(next++))
      await run
    }
  }
}

const readAll = (answer: KeptAnswer, from?: number) => Array.fromAsync(answer.read(from))
const indexes = (chunks: readonly InferenceChunk[]) => chunks.map(({ index }) => index)

describe('a kept answer', () => {
  it('is there after a kill as far as it was written, and a half record is none', async () => {
    const store = storeOf()
    const { name, words } = answerIn(store, 'x')
    await words(5)
    await store.flush()
    await words(5)
    await store.flush()
    const path = join(directory, name)
    const whole = await readFile(path)
    for (const [bytes, next] of [
      [whole.byteLength, 10],
      [whole.byteLength - 1, 5],
      [whole.byteLength - 60, 5]
    ] as const) {
      await truncate(path, bytes)
      const stored = await storeOf().stored(name)
      assert.deepEqual([stored!.next, stored!.end, stored!.head.note], [next, undefined, { said: 'hello' }])
    }
    await writeFile(path, whole)
    await appendFile(path, new Uint8Array(300).fill(9))
    assert.equal((await storeOf().stored(name))!.next, 10)
    // A bit of the first record.
    const broken = Buffer.from(whole)
    broken[80]! ^= 1
    await writeFile(path, broken)
    assert.equal(await storeOf().stored(name), undefined)
    await writeFile(path, whole)
    assert.equal(await storeOf({ key: new Uint8Array(32) }).stored(name), undefined)
    await store.close()
  })

  it('is gone on with after the half record', async () => {
    const store = storeOf()
    const first = answerIn(store, 'x')
    await first.words(5)
    await store.flush()
    await appendFile(join(directory, first.name), new Uint8Array([0, 0, 1, 0, 7]))
    const later = storeOf()
    const answer: KeptAnswer = new KeptAnswer({
      ...{ head: first.answer.head, durable: true, kept: { first: 0, next: 5 } },
      onChange: () => later.changed(answer, first.name),
      onUnread() {},
      load: (_, from) => later.chunks(first.name, from)
    })
    await later.open()
    await later.keep(first.name, answer, true)
    await answer.run(async function* () {
      yield text(5)
      yield done(6)
    })
    assert.deepEqual(indexes(await readAll(answer, 0)), [0, 1, 2, 3, 4, 5, 6])
    await later.flush()
    const stored = await storeOf().stored(first.name)
    assert.deepEqual([stored!.next, stored!.end?.state], [7, 'done'])
    await store.close()
  })

  it('holds its last chunks in memory, and gives a reader that is behind what is on disk', async () => {
    const store = storeOf()
    const { answer, words, end } = answerIn(store, 'x')
    const slow = answer.read(0)
    const begun = slow.next()
    for (let i = 0; i < 20; i++) {
      await words(200)
      await store.flush()
    }
    await end()
    await begun
    const rest = await Array.fromAsync(slow)
    assert.deepEqual(
      indexes(rest),
      Array.from({ length: 4000 }, (_, i) => i + 1)
    )
    await store.close()
  })

  it('that begins later, because another device gave the beginning, is read from there on', async () => {
    const store = storeOf()
    const { answer, words, end } = answerIn(store, 'x', { askedBy: 'peer', base: 30 })
    const waiting = readAll(answer)
    await words(3)
    await end()
    assert.deepEqual(indexes(await readAll(answer, 30)), [30, 31, 32, 33])
    assert.deepEqual(indexes(await waiting), [30, 31, 32, 33])
    await assert.rejects(readAll(answer, 29), { code: 'ANSWER_UNKNOWN' })
    await store.close()
  })

  it('is asked for no more than its reader takes, and for all without readers once it is detached', async () => {
    let made = 0
    const answer = new KeptAnswer({
      ...{ head: { id: 'x', mesh: 'm', createdAtMs: 1 }, durable: false },
      onChange() {},
      onUnread() {},
      load: async () => []
    })
    const run = answer.run(async function* () {
      for (; made < 50; ) yield text(made++)
      yield done(made)
    })
    const reader = answer.read(0)
    for (let i = 0; i < 10; i++) await reader.next()
    assert.ok(made <= 11, `${made} chunks for a reader of 10`)
    await reader.return(undefined)
    answer.detach(true)
    await run
    assert.deepEqual([made, answer.state], [50, 'done'])
  })
})

describe('what is kept', () => {
  it('is erased when it has expired: its key first, then its file', async () => {
    const clock = clockAt()
    const store = storeOf({ clock })
    const { name, words, end } = answerIn(store, 'x')
    await words(3)
    await end()
    await store.flush()
    const { open } = await import('node:fs/promises')
    // The file as a disk still has it after the name is gone.
    const left = await open(join(directory, name))
    clock.advance(LIMITS.keptMs - 1000)
    await store.sweep()
    assert.equal((await store.stored(name))!.next, 4)
    clock.advance(2000)
    await store.sweep()
    assert.deepEqual(await readdir(directory), [])
    const content = await left.readFile()
    await left.close()
    assert.ok(content.byteLength > 48)
    assert.ok(content.subarray(15, 47).every(byte => byte === 0))
    await store.close()
  })

  it('of a peer is bounded by its share, and leaves what others keep', async () => {
    const store = storeOf()
    const give = async (id: string, askedBy?: string) => {
      const one = answerIn(store, id, askedBy === undefined ? {} : { askedBy })
      await one.words(10, 'x'.repeat(4000))
      await one.end()
      await store.flush()
      return one.name
    }
    const own = await give('own')
    const honest = await give('honest', 'friend')
    for (let i = 0; i < 12; i++) await give(`greedy ${i}`, 'greedy')
    await store.sweep()
    const names = await readdir(directory)
    assert.ok(names.includes(own) && names.includes(honest))
    // Three of 40 KB fit into an eighth of a megabyte.
    assert.equal(names.length, 2 + 3)
    assert.equal(await store.stored(nameOf('o', 'greedy 0')), undefined)
    assert.ok(await store.stored(nameOf('o', 'greedy 11')))
    await store.close()
  })

  it('of an answer that outgrows all is dropped, and the answer goes on', async () => {
    const store = storeOf({ limits: { ...LIMITS, bytesMax: 10_000 } })
    const { name, answer, words, end } = answerIn(store, 'x')
    const reader = answer.read(0)
    await words(30, 'x'.repeat(1000))
    await store.flush()
    await store.sweep()
    assert.deepEqual(await readdir(directory), [])
    await words(3)
    await end()
    assert.equal((await Array.fromAsync(reader)).length, 34)
    await store.flush()
    assert.equal(await store.stored(name), undefined)
    await store.close()
  })

  it('is the newest, of each kind', () => {
    const file = (name: string, changedAtMs: number, rest: Partial<KeptFile> = {}): KeptFile => {
      return { name, bytes: 10, changedAtMs, askedBy: undefined, live: false, ...rest }
    }
    const limits = { keptMs: 1000, bytesMax: 40, filesMax: 10, peerShare: 1 / 2 }
    const files = [
      ...[
        file('a-1', 100),
        file('a-2', 1500),
        file('a-3', 1600),
        file('a-4', 1700),
        file('a-5', 1400, { live: true })
      ],
      ...[
        file('o-1', 1900, { askedBy: 'p' }),
        file('o-2', 1901, { askedBy: 'p' }),
        file('o-3', 1902, { askedBy: 'p' })
      ],
      file('a-6', 1800)
    ]
    const { names, nextMs } = overLimits(files, limits, 2000)
    assert.deepEqual(names.sort(), ['a-1', 'a-2', 'o-1'])
    assert.equal(nextMs, 600)
    assert.equal(overLimits([], limits, 2000).nextMs, undefined)
  })
})
