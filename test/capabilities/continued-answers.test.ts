/** Real models go on with answers that they, or each other, began. */

import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { kindOf } from '../../capabilities/engines/index.ts'
import type { Model } from '../../capabilities/host/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import { installedEngines, obstacle } from './installed-llama.ts'
import { MODELS, memoryLog } from './parts.ts'
import { cutInThree, type Infer, question, rest, saidIn, textIn } from './resumed-answers.ts'

const directory = mkdtempSync(join(tmpdir(), 'lumos-continued-'))
afterAll(() => rmSync(directory, { recursive: true }))

const STORY = 'Tell me a story'
const CAPITAL = 'What is the capital of Norway?'
const city = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const asSchema = (schema: object) => ({ maxTokens: 60, responseFormat: { type: 'json_schema', schema } })
/** Of bytes that are tokens by themselves: most cuts are within a character. */
const FOREIGN = 'Gr\u00fc\u00dfe \u4f60\u597d \ud83d\ude00'

const CASES: readonly (readonly [what: string, input: string | object, params: Record<string, unknown>])[] = [
  ['the likeliest tokens', STORY, {}],
  ['a seed', STORY, { temperature: 1.5, seed: 7, maxTokens: 24 }],
  ['a penalty for what was said', STORY, { repetitionPenalty: 1.3, maxTokens: 24 }],
  ['stop sequences that begin before the cut', STORY, { stop: ['light', 'ight and'] }],
  ['log-probabilities', CAPITAL, { logprobs: true, topLogprobs: 2 }],
  ['a schema', CAPITAL, asSchema(city)],
  ['a schema and a seed', CAPITAL, { ...asSchema(city), temperature: 1.5, seed: 5, maxTokens: 24 }],
  ['text in no English, cut within its characters', CAPITAL, asSchema({ enum: [FOREIGN] })],
  [
    'a call of a tool',
    'What is the weather in Hanoi?',
    { tools: [{ name: 'get_weather', parameters: city }] }
  ],
  ['a bound that was reached', { prompt: 'Once upon' }, { maxTokens: 8 }]
]

async function served(kind: string, folder: string): Promise<Model> {
  const [found] = await readModels(folder, installedEngines)
  const model = kindOf(kind).serve(found!, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 })
  await model.engine.load()
  return model
}

function gguf(): string {
  const folder = join(directory, 'tiny')
  mkdirSync(folder)
  chmodSync(directory, 0o755)
  const file = 'fixtures/tiny-llm-gguf/tiny-llm-q8_0.gguf'
  cpSync(join(import.meta.dirname, '..', file), join(folder, 'tiny-q8_0.gguf'))
  return folder
}

const ENGINES = [
  { name: 'transformers', folder: () => join(MODELS, 'tiny-llm'), why: undefined },
  { name: 'llama-cpp', folder: gguf, why: obstacle }
]

for (const { name, folder, why } of ENGINES) {
  describe.skipIf(why !== undefined)(
    `a cut answer of ${name}${why === undefined ? '' : ` (did not run: ${why})`}`,
    () => {
      let model: Model
      const infer: Infer = request => model.engine.infer(request)
      beforeAll(async () => {
        model = await served(name, folder())
      })
      afterAll(() => model.engine.close())

      it.each(CASES)('goes on as if it had not been cut: %s', async (_, input, params) => {
        await cutInThree(infer, input, params)
      })

      it('says that it goes on by prefilling where its seed makes other choices', async () => {
        const params = { temperature: 1.5, seed: 7, maxTokens: 24 }
        const greedy = await Array.fromAsync(infer(question(STORY)))
        const said = { ...saidIn(greedy, 4), tokens: [] }
        const { how, chunks } = await rest(infer, question(CAPITAL, params, said))
        assert.equal(how, 'prefill')
        assert.equal(chunks[0]!.index, 4)
      })

      it('goes on from text alone, as one of another engine, within a call that is half said', async () => {
        const tools = [{ name: 'get_weather', parameters: city }]
        const call = { id: 'x', name: 'get_weather', arguments: '{"city": "' }
        const said = { index: 3, text: '', tokens: [], toolCalls: [call] }
        const { chunks } = await rest(infer, question('What is the weather in Hanoi?', { tools }, said))
        const [chunk] = chunks
        assert(chunk?.type === 'delta')
        const { index, id, name: tool, arguments: words = '' } = chunk.toolCalls![0]!
        assert.deepEqual([chunk.index, index, id, tool], [3, 0, undefined, undefined])
        assert.equal(JSON.parse(`${call.arguments}${words}`).city, 'Hanoi')
      })

      it.each([
        ['tokens that the model does not have', { index: 2, text: 'Once', tokens: [4_000_000_000, 5] }],
        ['tokens that say something else', { index: 2, text: 'Once', tokens: [70, 71] }],
        ['the token that ends an answer', { index: 2, text: 'Once', tokens: [0, 1, 2, 3] }]
      ])('goes on from its text where it came with %s', async (_, said) => {
        const { chunks } = await rest(infer, question(STORY, {}, said))
        assert.equal(said.text + textIn(chunks), textIn(await Array.fromAsync(infer(question(STORY)))))
        assert.equal(chunks[0]!.index, 2)
      })

      it('refuses to go on with what its schema does not allow, or with more than it may say', async () => {
        const said = { index: 2, text: 'Once upon a time', tokens: [] }
        for (const params of [asSchema(city), { maxTokens: 2 }]) {
          await assert.rejects(
            async () => await Array.fromAsync(infer(question(CAPITAL, params, said))),
            ({ code }: { code: string }) => code === 'INVALID_INPUT' || code === 'CONTEXT_TOO_SMALL'
          )
        }
        assert.equal((await Array.fromAsync(infer(question(CAPITAL)))).at(-1)!.type, 'done')
      })
    }
  )
}

describe.skipIf(obstacle !== undefined)('a cut answer of one engine', () => {
  it('goes on from another one, with a schema too', async () => {
    const one = await served('transformers', join(MODELS, 'tiny-llm'))
    rmSync(join(directory, 'tiny'), { recursive: true })
    const other = await served('llama-cpp', gguf())
    try {
      for (const params of [{}, asSchema(city)]) {
        const whole = await Array.fromAsync(one.engine.infer(question(CAPITAL, params)))
        const said = saidIn(whole, 3)
        const { chunks } = await rest(r => other.engine.infer(r), question(CAPITAL, params, said))
        assert.equal(chunks[0]!.index, 3)
        if ('responseFormat' in params) JSON.parse(said.text + textIn(chunks))
        else assert.equal(said.text + textIn(chunks), textIn(whole))
      }
    } finally {
      await Promise.all([one.engine.close(), other.engine.close()])
    }
  })
})
