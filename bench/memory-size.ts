/** What memory takes as it is overwritten, and what an append costs as it grows. */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../interface/clock.ts'
import { openDoc } from '../node/memory/docs/index.ts'
import { openMemoryEngine } from '../node/memory/worker/memory-thread.ts'
import { ownStallMs, take } from './harness.ts'
import { entryOf, fill, LOG } from './memory-space.ts'
import { medianOf } from './statistics.ts'
import { type BenchTable, tableOf } from './table.ts'

type Series = Map<string, number[]>
type Engine = ReturnType<typeof openMemoryEngine>

const OVERWRITES = { thorough: 100_000, quick: 500 }
const KEYS = 100
/** Random text, which packs to half: 800 kB are alive. */
const VALUE_BYTES = 8 * 1024
const KB = 1000
/** By then the thread of memory has tidied up. */
const IDLE_MS = 2000
const LIVE_TIMES_MAX = 3

/** Of a space; a journal has so many at most, as one for each week would. */
const ENTRIES = { thorough: [1000, 100_000, 1_000_000], quick: [1000, 2000] }
const JOURNAL_MAX = 100_000
const APPENDS_PER_ROUND = 40
const ROUNDS = { thorough: 15, quick: 1 }
/** Of one write, which has 256 KiB at most. */
const ENTRIES_PER_WRITE = 2000

const log = { debug() {}, info() {}, warn: console.warn, error: console.error }

export async function sizeTables(quick: boolean, stalls: Series): Promise<BenchTable[]> {
  const size = quick ? 'quick' : 'thorough'
  const overwritten = await sizes(OVERWRITES[size], stalls)
  const appended = await appends(ENTRIES[size], ROUNDS[size], stalls)
  return [overwritten, appended]
}

async function openEngine(): Promise<AsyncDisposable & { engine: Engine; home: string }> {
  const home = mkdtempSync(join(tmpdir(), 'lumos-bench-'))
  const engine = openMemoryEngine({
    ...{ path: join(home, 'memory.db'), seed: new Uint8Array(randomBytes(32)), spaceBytesMax: 1e9 },
    ...{ clock: systemClock, log }
  })
  // Its thread keeps no process alive: a node has its network for that.
  const alive = setInterval(() => {}, IDLE_MS)
  return {
    ...{ engine, home },
    async [Symbol.asyncDispose]() {
      await engine.close()
      clearInterval(alive)
      rmSync(home, { recursive: true })
    }
  }
}

const bytesIn = (home: string): number =>
  readdirSync(home).reduce((bytes, name) => bytes + statSync(join(home, name)).size, 0)

async function sizes(count: number, stalls: Series): Promise<BenchTable> {
  const live = 'live data'
  const series: Series = new Map([
    [live, [(KEYS * VALUE_BYTES) / KB]],
    ['in memory', [heldBytes(count) / KB]]
  ])
  await using opened = await openEngine()
  const { engine, home } = opened
  const { id } = await engine.create(LOG)
  ownStallMs()
  await fill(count, n =>
    engine.write(id, LOG, 'facts', [{ type: 'set', key: `key ${n % KEYS}`, value: textOf() }])
  )
  take(stalls, 'of a device that writes', ownStallMs())
  await setTimeout(IDLE_MS)
  take(series, 'on disk', bytesIn(home) / KB)
  return tableOf(`${KEYS} keys, overwritten ${count.toLocaleString('en')} times`, series, {
    ...{ unit: 'kB', references: [live], atMost: LIVE_TIMES_MAX }
  })
}

const textOf = (): string => randomBytes(VALUE_BYTES / 2).toString('hex')

/** What V8 holds of the document after collection. */
function heldBytes(count: number): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const held = (): number => {
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  // What is compiled stays.
  overwrite(KEYS).close()
  const before = held()
  const doc = overwrite(count)
  const bytes = held() - before
  doc.close()
  return bytes
}

function overwrite(count: number) {
  const doc = openDoc('facts', null, new Set())
  for (let clock = 1; clock <= count; clock++) {
    const by = { writer: `${'w'.repeat(52)}.${'0'.repeat(12)}`, client: 1, clock, at: Date.now() }
    doc.change([{ type: 'set', key: `key ${clock % KEYS}`, value: textOf() }], by)
  }
  return doc
}

/** They take turns, so that what drifts on the machine drifts for all. */
async function appends(targets: readonly number[], rounds: number, stalls: Series): Promise<BenchTable> {
  const nameOf = (entries: number): string => `at ${entries.toLocaleString('en')} entries`
  const series: Series = new Map()
  await using stack = new AsyncDisposableStack()
  const spaces: { readonly name: string; append(): Promise<unknown> }[] = []
  for (const entries of targets) {
    const { engine } = stack.use(await openEngine())
    const { id } = await engine.create(LOG)
    let n = 0
    const append = (count: number): Promise<unknown> => {
      const doc = `${LOG}-${Math.floor(n / JOURNAL_MAX)}`
      const changes = Array.from({ length: count }, () => ({ type: 'append' as const, ...entryOf(n++) }))
      return engine.write(id, doc, 'journal', changes)
    }
    while (n < entries) await append(Math.min(ENTRIES_PER_WRITE, entries - n))
    spaces.push({ name: nameOf(entries), append: () => append(1) })
  }
  for (let round = -1; round < rounds; round++) {
    ownStallMs()
    for (const { name, append } of spaces) {
      const times: number[] = []
      for (let i = 0; i < APPENDS_PER_ROUND; i++) {
        const startedMs = performance.now()
        await append()
        times.push(performance.now() - startedMs)
      }
      if (round >= 0) take(series, name, medianOf(times))
    }
    if (round >= 0) take(stalls, 'of a device that appends', ownStallMs())
  }
  return tableOf('One append, until it is on disk', series, { unit: 'ms', references: [nameOf(targets[0]!)] })
}
