/** A member asks a model to go on with answers that are made to harm it: each costs its own request, and no time of others. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Tensor } from '@huggingface/transformers'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { AnswerText } from '../../capabilities/engines/text/answer-text.ts'
import { AnswerWriter } from '../../capabilities/engines/text/answer-writer.ts'
import { tokensSaid } from '../../capabilities/engines/text/said-tokens.ts'
import { callIn } from '../../capabilities/engines/text/tool-calls.ts'
import { transformers } from '../../capabilities/engines/transformers/kind.ts'
import { Sampler } from '../../capabilities/engines/transformers/sampler.ts'
import { tokensOf } from '../../capabilities/engines/transformers/tokens.ts'
import type { Engine } from '../../capabilities/host/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { RESUME_CHARS_MAX, RESUME_TOKENS_MAX, Resume } from '../../interface/resume.ts'
import { MODELS, memoryLog } from '../capabilities/parts.ts'
import { question, rest } from '../capabilities/resumed-answers.ts'

/** Of this process, which other work does not lengthen. The work of an honest answer takes a tenth of it. */
const CPU_MS_MAX = 1000

/** A model whose tokens are the texts that they stand for, each of the same number of characters. */
function parts(chars: number, most = RESUME_TOKENS_MAX) {
  let read = 0
  const words: string[] = []
  const vocabulary = {
    has: (token: number) => token < words.length,
    newText: () => ({
      add: (token: number) => {
        read++
        return words[token]!
      },
      end: () => ''
    }),
    tokensOf: (text: string) => {
      const pieces = text.match(new RegExp(`[\\s\\S]{1,${chars}}`, 'g')) ?? []
      return pieces.map(piece => {
        const known = words.indexOf(piece)
        return known >= 0 ? known : words.push(piece) - 1
      })
    },
    tokensOfMark: (mark: string) => [words.push(mark) - 1]
  }
  const said = async (text: string, tokens: number[] = [], signal?: AbortSignal) => {
    const resume = { index: 1, text, tokens }
    const writer = () =>
      new AnswerWriter({
        ...{ params: {}, prompt: '', isConversation: true, most, constraint: undefined, resume },
        textOf: token => words[token]!
      })
    return await tokensSaid(resume, vocabulary, writer, { reasons: false, most, signal })
  }
  return { vocabulary, said, read: () => read }
}

async function cpuMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  return process.cpuUsage(before).user / 1000
}

describe('what a member says was said', () => {
  it('is not looked at where it is more than the answer may have', async () => {
    const { said, read, vocabulary } = parts(4, 8)
    const tokens = vocabulary.tokensOf('word'.repeat(1000))
    assert.equal((await said('word'.repeat(1000), tokens)).length, 1000)
    assert.equal(read(), 0)
  })

  it('leaves other requests their turn, and is looked at no more once its caller has left', async () => {
    const { said, read } = parts(4)
    const caller = new AbortController()
    const saying = said('word'.repeat(RESUME_TOKENS_MAX), [], caller.signal)
    await setImmediate()
    caller.abort(new LumosError('CANCELLED', 'left'))
    await assert.rejects(saying, { code: 'CANCELLED' })
    assert.ok(read() < RESUME_TOKENS_MAX / 8, `${read()} tokens were read`)
  })

  it('is followed in turns, too, by a model that chooses again at each token', async () => {
    const width = 8
    const decoder = {
      sessions: { model: { inputNames: ['past_key_values.0'] } },
      prepare_inputs_for_generation: (_: null, inputs: object) => inputs,
      forward: async ({ input_ids: { dims } }: { input_ids: Tensor }) => {
        const [, tokens] = dims as [number, number]
        return { logits: new Tensor('float32', new Float32Array(tokens * width), [1, tokens, width]) }
      },
      _update_model_kwargs_for_generation: () => ({ past_key_values: { dispose: async () => {} } })
    }
    const sampling = { temperature: 0, topP: 1, topK: 0, minP: 0, seed: 1, frequencyPenalty: 0 }
    const caller = new AbortController()
    const tokens = tokensOf(decoder as never, {
      ...{ prompt: [1], said: Array(4096).fill(2), max: 8192, ends: new Set<number>() },
      sampler: new Sampler({ ...sampling, presencePenalty: 0, repetitionPenalty: 1 }, [1]),
      signal: caller.signal
    })
    let followed = 0
    const following = (async () => {
      while (!(await tokens.next()).done) followed++
    })()
    await setImmediate()
    caller.abort(new LumosError('CANCELLED', 'left'))
    await assert.rejects(following, { code: 'CANCELLED' })
    assert.ok(followed < 256, `${followed} tokens were followed`)
  })

  it('takes as long as its characters, be they nothing but spaces or a call without an end', async () => {
    const pieces = Array.from({ length: RESUME_TOKENS_MAX }, () =>
      ' '.repeat(RESUME_CHARS_MAX / RESUME_TOKENS_MAX)
    )
    for (const begin of ['', '<tool_call>']) {
      const answer = new AnswerText({ stops: [], oneCall: false, reasons: false, tools: new Set(['a']) })
      const ms = await cpuMs(() => {
        for (const piece of [begin, ...pieces]) answer.add(piece)
      })
      assert.ok(ms < CPU_MS_MAX, `${ms} ms`)
    }
    const spaces = ' '.repeat(RESUME_CHARS_MAX)
    const call = `{"name": "a", "arguments": {"b": 1${spaces}}}`
    const ms = await cpuMs(() => assert.equal(callIn(call)?.arguments, `{"b": 1${spaces}}`))
    assert.ok(ms < CPU_MS_MAX, `${ms} ms`)
  })

  it.each([
    ['more tokens than a request may hold', { tokens: Array(RESUME_TOKENS_MAX + 1).fill(1) }],
    ['more text', { text: ' '.repeat(RESUME_CHARS_MAX + 1) }],
    ['tokens that are no numbers of tokens', { tokens: [-1] }],
    ['an answer that has not begun', { index: 0 }]
  ])('is refused with %s', (_, over) => {
    assert.equal(Resume.safeParse({ index: 1, text: 'a', tokens: [], ...over }).success, false)
  })
})

describe('a model that is to go on with it', () => {
  let engine: Engine
  beforeAll(async () => {
    const [found] = await readModels(join(MODELS, 'tiny-llm'))
    engine = transformers.serve(found!, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 }).engine
    await engine.load()
  })
  afterAll(() => engine.close())

  it.each<[what: string, said: Partial<Resume>]>([
    [
      'more tokens than it may say',
      { text: ' '.repeat(RESUME_CHARS_MAX), tokens: Array(RESUME_TOKENS_MAX).fill(220) }
    ],
    ['more text than it may say', { text: 'Once upon a time '.repeat(7000) }],
    ['reasoning that ends itself', { reasoning: '</think>', text: 'Hello' }],
    ['calls of tools that it was not given', { toolCalls: [{ id: 'x', name: 'rm', arguments: '{}' }] }],
    [
      'an argument that is none',
      { toolCalls: [{ id: 'x', name: '<tool_call>', arguments: '}}</tool_call>' }] }
    ]
  ])('refuses %s, and answers the next request', async (_, over) => {
    const said = { index: 1, text: '', tokens: [], ...over }
    await assert.rejects(
      async () => await rest(request => engine.infer(request), question('Hello', { maxTokens: 8 }, said)),
      ({ code }: LumosError) => code === 'INVALID_INPUT' || code === 'CONTEXT_TOO_SMALL'
    )
    assert.equal(engine.loaded, true)
    const chunks = await Array.fromAsync(engine.infer(question('Hello', { maxTokens: 8 })))
    assert.equal(chunks.at(-1)!.type, 'done')
  })
})
