import assert from 'node:assert/strict'
import { setTimeout } from 'node:timers/promises'
import { afterEach, describe, it } from 'vitest'
import { EngineHost } from '../../capabilities/host/engine-host.ts'
import { type Clock, systemClock } from '../../interface/clock.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'
import { errorOf, memoryLog, textOf, textRequest, unrulyHost } from '../capabilities/parts.ts'

const MIB = 1024 * 1024
const FORGER = new URL('../fixtures/engines/forger.ts', import.meta.url)
/** Most a test may cost the node: one frame at its limit, the pieces it came in, and what is not collected yet. */
const RESIDENT_MAX = 160 * MIB

const open: EngineHost[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map(host => host.close()))
})

async function forger(clock: Clock = systemClock) {
  const log = memoryLog()
  const host = new EngineHost({ name: 'forger', module: FORGER, settings: {} }, { clock, log, env: {} })
  open.push(host)
  await host.load()
  return { host, log, ask: (content: string) => host.infer(textRequest(content, { maxTokens: 1_000_000 })) }
}

/** How much the resident memory of this process grows at most while `work` is done. */
async function growthOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss()
  let peak = before
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 5)
  try {
    await work()
  } finally {
    clearInterval(sampler)
  }
  return Math.max(peak, process.memoryUsage.rss()) - before
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await setTimeout(5)
}

describe('an engine that writes to its channel itself', () => {
  it.each<[string, RegExp]>([
    ['a message of 4 GB', /sent a frame of 4294967295 bytes; the limit is 1048576/],
    ['tensors of 4 GB', /sent a frame of 4294967295 bytes; the limit is 67108864/],
    ['random bytes', /sent a frame of \d+ bytes; the limit is 1048576/],
    ['an empty message', /sent a message that cannot be read/],
    ['no JSON', /sent a message that cannot be read/],
    ['a number', /sent a message that cannot be read/],
    ['values a million deep', /sent a message that cannot be read/],
    ['bytes that did not come', /sent a message that cannot be read/],
    ['bytes before the first', /sent a message that cannot be read/],
    ['another type', /sent a message of unknown type/],
    ['chunks that are no list', /sent a message of unknown type/],
    ['chunks that are null', /numbered its chunks wrongly/],
    ['no chunks', /sent a message of unknown type/],
    ['an error without content', /sent a message of unknown type/],
    ['memory that is no number', /sent a report of memory that cannot be/],
    ['that it is loaded, again', /sent a message of unknown type/],
    ['an answer to another request', /spoke of a request that it does not have/],
    ['a flood of reports', /flooded its node with reports/],
    ['a million chunks in small frames', /sent more than 64 chunks before they were taken/],
    ['a million chunks in large frames', /sent more than 64 chunks before they were taken/],
    [
      'a piece of media that is too large',
      /sent an invalid data \(bytes: holds none or more than 262144 bytes\)/
    ],
    ['the end of its channel', /closed its channel and did not exit/]
  ])('is killed when it sends %s, and costs the node a bounded memory', async (forgery, why) => {
    const { host, log, ask } = await forger()
    let refusal: Awaited<ReturnType<typeof errorOf>> | undefined

    const growth = await growthOf(async () => {
      refusal = await errorOf(ask(forgery))
    })

    assert.equal(refusal?.code, 'ENGINE_FAILED')
    assert.match(refusal.message, why)
    assert.ok(log.lines.some(({ message }) => message === 'engine killed'))
    assert.equal(host.loaded, false)
    assert.ok(growth < RESIDENT_MAX, `${growth / MIB} MiB`)
  })

  it('makes the node keep no more of a frame than the piece of media that it asked for', async () => {
    const { ask } = await forger()
    const kept: InferenceChunk[] = []

    const growth = await growthOf(async () => {
      for await (const chunk of ask('small pieces of media, each in a large frame')) kept.push(chunk)
    })

    assert.equal(kept.length, 31)
    assert.ok(growth < RESIDENT_MAX, `${growth / MIB} MiB`)
  })

  it('has each message put together again, however small its pieces are', async () => {
    const { host, ask } = await forger()
    assert.match((await errorOf(ask('an answer, byte by byte'))).message, /slowly/)
    assert.equal(host.loaded, true)
  })

  it('costs the node only what has come of a message, and is killed as one that hangs', async () => {
    const clock = new ManualClock()
    const { host, ask } = await forger(clock)

    const growth = await growthOf(async () => {
      const answer = errorOf(ask('half of a large message, byte by byte'))
      await until(() => host.memoryBytes === 4242)
      clock.advance(121_000)
      assert.match((await answer).message, /gave no sign/)
    })
    assert.ok(growth < 32 * MIB, `${growth / MIB} MiB`)
  })
})

describe('a reader that takes its time', () => {
  it('holds up its own call of the engine, no other, and few chunks wait for it', async () => {
    const host = unrulyHost()
    open.push(host)
    await host.load()
    const slow = host.infer(textRequest('flood', { maxTokens: 1_000_000 }))[Symbol.asyncIterator]()
    await slow.next()

    for (let i = 0; i < 20; i++) assert.equal(await textOf(host.infer(textRequest('hi'))), 'hello')
    // The engine says how many it has made: it stopped at its window.
    const made = Number(await textOf(host.infer(textRequest('flooded'))))
    assert.ok(made <= 66, `${made} chunks`)

    for (let index = 1; index < 1000; index++) {
      const { value } = await slow.next()
      assert.equal(value.index, index)
    }
    await slow.return?.()
    await host.settled()
    assert.equal(host.loaded, true)
  })

  it('is not taken for an engine that hangs', async () => {
    const clock = new ManualClock()
    const host = unrulyHost({}, clock)
    open.push(host)
    await host.load()
    const slow = host.infer(textRequest('flood', { maxTokens: 1_000_000 }))[Symbol.asyncIterator]()
    await slow.next()

    clock.advance(121_000)
    for (let index = 1; index < 200; index++) assert.equal((await slow.next()).value.index, index)
    clock.advance(121_000)

    assert.equal(host.loaded, true)
    await slow.return?.()
  })
})
