/**
 * What serving costs and gains. The engine host of a text model: `tiny-llm` in its own process, as a node serves it, against the same library
 * called here, by one caller.
 */

import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { env, LogLevel, pipeline, TextStreamer } from '@huggingface/transformers'
import { kindOf, readModels } from '../capabilities/index.ts'
import { systemClock } from '../interface/clock.ts'
import { prepare } from '../interface/prepare.ts'
import { type Bench, takeTurns, type Variant } from './harness.ts'
import { batchTables } from './serve-batches.ts'
import { servedTables } from './serve-openai.ts'
import { tableOf } from './table.ts'

const ROUNDS = 15
const STORIES_PER_ROUND = { thorough: 20, quick: 2 }
const MODEL = fileURLToPath(new URL('../models/tiny-llm', import.meta.url))
const messages = [{ role: 'user', content: 'Tell me a story' }]
const HOST = 'through the engine host'
const DIRECT = 'transformers.js here'
/** A host that serves at least 0.9 of the tokens in the same time. */
const TIME_MAX = 1.11

/** Tells the story once, and says in how many tokens. */
type Tell = () => Promise<number>

export const bench: Bench = async ({ quick }) => {
  const threads = Math.max(1, availableParallelism() - 1)
  const host = await hosted()
  const direct = await directly(threads)
  const stories = quick ? STORIES_PER_ROUND.quick : STORIES_PER_ROUND.thorough
  const variants = [variant(HOST, host.tell, stories), variant(DIRECT, direct.tell, stories)]
  const measured = await takeTurns(variants, { rounds: ROUNDS, quick })
  await Promise.all([host.close(), direct.close()])

  const series = new Map([...measured].map(([name, { rates }]) => [name, rates.map(rate => 1000 / rate)]))
  const options = { unit: 'ms', references: [DIRECT], atMost: TIME_MAX }
  const own = tableOf('A token of tiny-llm, one caller', series, options)
  return [own, ...(await batchTables(quick)), ...(await servedTables(quick))]
}

const variant = (name: string, tell: Tell, stories: number): Variant => ({
  name,
  async round() {
    const startedMs = performance.now()
    let amount = 0
    for (let story = 0; story < stories; story++) amount += await tell()
    return { amount, ms: performance.now() - startedMs }
  }
})

async function hosted(): Promise<{ tell: Tell; close(): Promise<void> }> {
  const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
  const [found] = await readModels(MODEL)
  const cores = availableParallelism()
  const { engine } = kindOf(found!.engine).serve(found!, { clock: systemClock, log, env: {}, cores })
  await engine.load()
  return {
    async tell() {
      const request = { id: randomUUID(), task: 'text-generation' as const, input: { messages }, params: {} }
      for await (const chunk of engine.infer(prepare({ ...request, budgetMs: 60_000 }))) {
        if (chunk.type === 'done') return chunk.usage.outputTokens!
      }
      throw new Error('The answer did not end.')
    },
    close: () => engine.close()
  }
}

async function directly(intraOpNumThreads: number): Promise<{ tell: Tell; close(): Promise<void> }> {
  env.allowRemoteModels = false
  env.logLevel = LogLevel.NONE
  const extra = { session: { intra_op: { allow_spinning: '0' } } }
  const session_options = { intraOpNumThreads, interOpNumThreads: 1, extra }
  const generator = await pipeline('text-generation', MODEL, { dtype: 'q8', device: 'cpu', session_options })
  return {
    async tell() {
      let tokens = 0
      let text = ''
      const streamer = new TextStreamer(generator.tokenizer, {
        ...{ skip_prompt: true, skip_special_tokens: true },
        callback_function: piece => {
          text += piece
        },
        token_callback_function: () => {
          tokens++
        }
      })
      await generator(messages, { max_new_tokens: 400, do_sample: false, streamer })
      if (!text.startsWith('Once upon')) throw new Error('The model told another story.')
      // The last one ends the answer, and is no part of it.
      return tokens - 1
    },
    close: async () => void (await generator.dispose())
  }
}
