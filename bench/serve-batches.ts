/**
 * What batches are worth: models as a node serves them, which run the requests of several callers together, beside the
 * same models with one place, so that each request is run by itself, and beside transformers.js called here.
 */

import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { env, pipeline } from '@huggingface/transformers'
import { kindOf, readModels } from '../capabilities/index.ts'
import { Registry } from '../capabilities/serving/registry.ts'
import { systemClock as clock } from '../interface/clock.ts'
import { prepare } from '../interface/prepare.ts'
import type { TaskName } from '../interface/tasks/index.ts'
import { takeTurns, type Variant } from './harness.ts'
import { type BenchTable, tableOf } from './table.ts'

const ROUNDS = 15
const CALLERS = 32
const ANSWERS_PER_ROUND = { thorough: 40, quick: 4 }
const BATCHES = 'in batches'
const ALONE = 'one by one'
const DIRECT = 'transformers.js here'
/** The time of one answer, as a part of what it is one by one: five times and twice as many. */
const DIGITS_TIME_MAX = 0.2
const EMBED_TIME_MAX = 0.5
/** A caller that is alone loses less than a tenth. */
const LONE_TIME_MAX = 1.1

interface Asked {
  readonly model: string
  readonly task: TaskName
  input(n: number): unknown
}
type Ask = (n: number) => Promise<unknown>
interface Way {
  readonly ask: Ask
  close(): Promise<void>
}

const DIGITS: Asked = {
  model: 'digits-cnn',
  task: 'tensor',
  input: n => {
    const pixels = Float32Array.from({ length: 64 }, (_, at) => ((at * 7 + n) % 16) / 16)
    return {
      tensors: { image: { type: 'float32', dims: [1, 1, 8, 8], data: new Uint8Array(pixels.buffer) } }
    }
  }
}
const WORDS = 'Return the number of items that a sequence holds , or raise an error when it has none'.split(
  ' '
)
const textOf = (n: number): string => WORDS.slice(0, 4 + (n % 13)).join(' ')
const EMBED: Asked = { model: 'tiny-embed', task: 'feature-extraction', input: n => ({ texts: [textOf(n)] }) }

export async function batchTables(quick: boolean): Promise<BenchTable[]> {
  const tables: BenchTable[] = []
  for (const [asked, atMost] of [
    [DIGITS, DIGITS_TIME_MAX],
    [EMBED, EMBED_TIME_MAX]
  ] as const) {
    const ways = new Map([
      [BATCHES, await served(asked)],
      [ALONE, await served(asked, 1)]
    ])
    const many = await measured(ways, CALLERS, quick)
    tables.push(table(`An answer of ${asked.model}, ${CALLERS} callers`, many, ALONE, atMost))
    tables.push(
      table(`An answer of ${asked.model}, one caller`, await measured(ways, 1, quick), ALONE, LONE_TIME_MAX)
    )
    if (asked === EMBED) {
      ways.set(DIRECT, await directly())
      const beside = await measured(ways, CALLERS, quick)
      tables.push(
        table(`An answer of ${asked.model}, ${CALLERS} callers, beside the library`, beside, DIRECT, 1)
      )
    }
    for (const way of ways.values()) await way.close()
  }
  return tables
}

const table = (
  title: string,
  rates: ReadonlyMap<string, readonly number[]>,
  reference: string,
  atMost: number
) => {
  const series = [BATCHES, reference].map(name => [name, rates.get(name)!.map(rate => 1000 / rate)] as const)
  return tableOf(title, new Map(series), { unit: 'ms', references: [reference], atMost })
}

async function measured(ways: ReadonlyMap<string, Way>, callers: number, quick: boolean) {
  const each = quick ? ANSWERS_PER_ROUND.quick : ANSWERS_PER_ROUND.thorough
  const variants = [...ways].map(
    ([name, { ask }]): Variant => ({ name, round: () => round(ask, callers, each) })
  )
  const rounds = await takeTurns(variants, { rounds: ROUNDS, quick })
  return new Map([...rounds].map(([name, { rates }]) => [name, rates] as const))
}

/** Each caller asks again when it was answered. */
async function round(ask: Ask, callers: number, each: number): Promise<{ amount: number; ms: number }> {
  const startedMs = performance.now()
  const caller = async (first: number): Promise<void> => {
    for (let n = 0; n < each; n++) await ask(first + n)
  }
  await Promise.all(Array.from({ length: callers }, (_, n) => caller(n)))
  return { amount: callers * each, ms: performance.now() - startedMs }
}

async function served({ model: id, task, input }: Asked, slots?: number): Promise<Way> {
  const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
  const [found] = await readModels(fileURLToPath(new URL(`../models/${id}`, import.meta.url)))
  const cores = availableParallelism()
  const model = kindOf(found!.engine).serve(found!, { clock, log, env: {}, cores })
  const models = [{ ...model, slots: slots ?? model.slots }]
  const registry = new Registry({ clock, log, random: Math.random, models })
  await registry.loadModel(id)
  return {
    async ask(n) {
      const request = { id: randomUUID(), task, model: id, input: input(n), params: {}, budgetMs: 60_000 }
      for await (const { type } of registry.infer(prepare(request))) if (type === 'done') return
      throw new Error('The answer did not end.')
    },
    close: () => registry.stop()
  }
}

async function directly(): Promise<Way> {
  env.allowRemoteModels = false
  const extra = { session: { intra_op: { allow_spinning: '0' } } }
  const intraOpNumThreads = Math.max(1, availableParallelism() - 1)
  const extractor = await pipeline(
    'feature-extraction',
    fileURLToPath(new URL('../models/tiny-embed', import.meta.url)),
    { dtype: 'fp32', device: 'cpu', session_options: { intraOpNumThreads, interOpNumThreads: 1, extra } }
  )
  return {
    ask: n => extractor(textOf(n), { pooling: 'mean', normalize: true }),
    close: async () => void (await extractor.dispose())
  }
}
