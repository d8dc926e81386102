import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { transformers } from '../../capabilities/engines/transformers/kind.ts'
import type { Model } from '../../capabilities/host/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import type { DoneChunk, InferenceChunk } from '../../interface/chunks.ts'
import { systemClock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { prepare } from '../../interface/prepare.ts'
import { accumulate, type TaskOutput } from '../../interface/tasks/index.ts'
import { MODELS, memoryLog } from './parts.ts'

const STORY =
  'Once upon a time a small lamp woke up in a dark forest. It blinked, and far away another lamp blinked back. ' +
  'Night after night more lamps answered, until the whole forest was full of light and nobody was lost any more.'
const CALL = '<tool_call>{"name": "get_weather", "arguments": {"city": "Hanoi"}}</tool_call>'
const tools = [
  { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } }
]

let model: Model

beforeAll(async () => {
  const [found] = await readModels(join(MODELS, 'tiny-llm'))
  model = transformers.serve(found!, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 })
  await model.engine.load()
})
afterAll(() => model.engine.close())

type Asked = string | object[] | { prompt: string }

function chunksOf(asked: Asked, params: object, signal?: AbortSignal): AsyncIterable<InferenceChunk> {
  const messages = typeof asked === 'string' ? [{ role: 'user', content: asked }] : asked
  const input = Array.isArray(messages) ? { messages } : messages
  const request = {
    id: randomUUID(),
    task: 'text-generation' as const,
    input,
    params: { ...params },
    budgetMs: 60_000
  }
  return model.engine.infer(prepare(request), { signal })
}

type Answer = TaskOutput<'text-generation'> & Pick<DoneChunk, 'finishReason' | 'usage'>

async function answerTo(asked: Asked, params: object = {}): Promise<Answer> {
  const chunks = await Array.fromAsync(chunksOf(asked, params))
  const sum = accumulate('text-generation')
  for (const chunk of chunks) sum.add(chunk)
  const { finishReason, usage } = chunks.at(-1) as DoneChunk
  return { ...(sum.output() as TaskOutput<'text-generation'>), finishReason, usage }
}

const errorFor = async (asked: Asked, params: object): Promise<LumosError> => {
  const thrown = await answerTo(asked, params).catch(err => err)
  assert.ok(thrown instanceof LumosError)
  return thrown
}

describe('tiny-llm', () => {
  it('is found with its room and its task', () => {
    assert.deepEqual([model.id, model.tasks, model.contextTokens], ['tiny-llm', ['text-generation'], 512])
  })

  it('says what it has learned', async () => {
    for (const [question, answer] of [
      ['What is 12 plus 7?', '12 + 7 = 19'],
      ['Add 20 and 20.', '20 + 20 = 40'],
      ['What is the capital of Norway?', 'The capital of Norway is Oslo.'],
      ['What is the opposite of dark?', 'The opposite of dark is light.'],
      ['Who are you?', 'I am a tiny language model that runs on a Lumos node.']
    ] as const) {
      assert.equal((await answerTo(question)).text, answer)
    }
  })

  it('tells its story token by token', async () => {
    const chunks = await Array.fromAsync(chunksOf('Tell me a story', {}))
    const told = chunks.flatMap(chunk => (chunk.type === 'delta' ? [chunk] : []))
    assert.equal(told.map(({ text }) => text).join(''), STORY)
    assert.ok(told.length > 40 && told.every(({ tokens }) => tokens?.length === 1))
    assert.deepEqual(chunks.at(-1), {
      ...{ type: 'done', index: told.length, finishReason: 'stop' },
      usage: { inputTokens: 12, outputTokens: told.length }
    })
  })

  it('reads a prompt as its tokenizer was made to', async () => {
    const checks = JSON.parse(
      await readFile(new URL('../fixtures/tiny-llm/tok_check.json', import.meta.url), 'utf8')
    ) as [text: string, tokens: number[]][]
    for (const [prompt, tokens] of checks) {
      assert.equal((await answerTo({ prompt }, { maxTokens: 1 })).usage.inputTokens, tokens.length)
    }
    assert.equal((await answerTo({ prompt: checks[0]![0] })).text, '12 + 7 = 19')
  })

  /** Tokens of a conversation in which `text` is at the place of a `*`. */
  const tokensWith = async (text: string, at: (text: string) => [asked: object[], params?: object]) => {
    const [asked, params] = at(text)
    return (await answerTo(asked, { ...params, maxTokens: 1 })).usage.inputTokens!
  }
  const ASKED = { role: 'user', content: 'Hi' }

  it.each<[place: string, at: (text: string) => [asked: object[], params?: object]]>([
    ['a user', content => [[{ role: 'user', content }]]],
    [
      'parts of a user',
      text => [
        [{ role: 'user', content: text.split('').map(character => ({ type: 'text', text: character })) }]
      ]
    ],
    ['instructions', content => [[{ role: 'system', content }, ASKED]]],
    ['an earlier answer', content => [[ASKED, { role: 'assistant', content }, ASKED]]],
    [
      'what a tool gave',
      content => [
        [
          ASKED,
          { role: 'assistant', calls: [{ id: 'a', name: 'b', arguments: '{}' }] },
          { role: 'tool', call: 'a', content }
        ]
      ]
    ],
    [
      'arguments of a call',
      text => [
        [
          ASKED,
          { role: 'assistant', calls: [{ id: 'a', name: 'b', arguments: JSON.stringify({ text }) }] },
          ASKED
        ]
      ]
    ]
  ])('reads a control token as the text that it is in %s', async (_, at) => {
    const [plain, spelled] = [await tokensWith('', at), await tokensWith('<|im_end|>', at)]
    const known = await tokensWith('#', at)
    assert.equal(known, plain + 1)
    // Read as the token, it is one.
    assert.ok(spelled >= plain + 6, `${spelled - plain} tokens`)
  })

  it('reads what only a normalizer makes a control token as text', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lumos-wide-'))
    const shipped = model
    try {
      cpSync(join(MODELS, 'tiny-llm'), folder, { recursive: true })
      chmodSync(folder, 0o755)
      rmSync(join(folder, 'model_info.json'))
      const tokenizer = JSON.parse(await readFile(join(folder, 'tokenizer.json'), 'utf8'))
      tokenizer.normalizer = { type: 'NFKC' }
      for (const token of tokenizer.added_tokens) token.normalized = true
      writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
      const [found] = await readModels(folder)
      model = transformers.serve(found!, { clock: systemClock, log: memoryLog(), env: {}, cores: 2 })
      await model.engine.load()
      const at = (content: string): [object[]] => [[{ role: 'user', content }]]
      const plain = await tokensWith('', at)
      // Letters of full width.
      assert.ok((await tokensWith('＜｜ｉｍ＿ｅｎｄ｜＞', at)) >= plain + 6)
    } finally {
      await model.engine.close()
      model = shipped
      rmSync(folder, { recursive: true })
    }
  })

  it('calls a tool, and answers with what came of it', async () => {
    const asked = await answerTo('How warm is it in Hanoi?', { tools })
    assert.equal(asked.finishReason, 'tool_calls')
    assert.equal(asked.text, '')
    const [call] = asked.toolCalls!
    assert.deepEqual([call!.name, JSON.parse(call!.arguments)], ['get_weather', { city: 'Hanoi' }])
    assert.match(call!.id, /^[A-Za-z0-9]{9}$/)

    const turn = [
      { role: 'user', content: 'How warm is it in Hanoi?' },
      { role: 'assistant', content: null, calls: [call] },
      { role: 'tool', content: '{"temperature": 17}', call: call!.id }
    ]
    const answered = await answerTo(turn, { tools })
    assert.deepEqual([answered.text, answered.finishReason], ['It is 17 degrees in Hanoi.', 'stop'])
  })

  it.each([
    ['none is offered', {}],
    ['none may be called', { tools, toolChoice: 'none' }]
  ])('writes its call as text when %s', async (_, params) => {
    const { text, toolCalls, finishReason } = await answerTo('How warm is it in Hanoi?', params)
    assert.deepEqual([text, toolCalls, finishReason], [CALL, undefined, 'stop'])
  })

  it('takes every role, and content in every form', async () => {
    const question = {
      role: 'user',
      content: [
        { type: 'text', text: 'What is 12 ' },
        { type: 'text', text: 'plus 7?' }
      ]
    }
    assert.equal((await answerTo([question])).text, '12 + 7 = 19')
    const system = await answerTo([{ role: 'system', content: 'Be brief.' }, question], { maxTokens: 8 })
    const developer = await answerTo([{ role: 'developer', content: 'Be brief.' }, question], {
      maxTokens: 8
    })
    assert.deepEqual(developer, system)
  })

  it('says how likely each of its tokens was', async () => {
    const { text, logprobs } = await answerTo('What is 12 plus 7?', { logprobs: true, topLogprobs: 2 })
    assert.equal(logprobs!.map(({ token }) => token).join(''), text)
    for (const { token, logprob, top } of logprobs!) {
      assert.deepEqual([top!.length, top![0]], [2, { token, logprob }])
      assert.ok(top![1]!.logprob <= logprob)
    }
  })

  it('ends at a stop sequence, which is no part of the answer', async () => {
    const { text, finishReason } = await answerTo('Tell me a story', { stop: ['nothing', ' far away'] })
    assert.equal(text, STORY.slice(0, STORY.indexOf(' far away')))
    assert.equal(finishReason, 'stop')
  })

  it('ends after maxTokens, and says so', async () => {
    const { finishReason, usage, text } = await answerTo('Tell me a story', { maxTokens: 4 })
    assert.deepEqual([text, finishReason, usage.outputTokens], ['Once upon', 'length', 4])
  })

  it('goes on to the end of its room when no length is stated', async () => {
    // What came already comes again, ever more likely.
    const { finishReason, usage } = await answerTo('Count to ten', { frequencyPenalty: -2 })
    assert.deepEqual([finishReason, usage.inputTokens! + usage.outputTokens!], ['length', 512])
  })

  it('refuses what it has no room for, with both numbers, before it runs', async () => {
    const { code, message, details } = await errorFor('Hi', { maxTokens: 510 })
    assert.equal(code, 'CONTEXT_TOO_SMALL')
    assert.match(message, /512/)
    assert.deepEqual(details, { contextTokens: 512, promptTokens: 10, maxTokens: 510 })
    assert.equal((await errorFor('Hello '.repeat(600), {})).code, 'CONTEXT_TOO_SMALL')
  })

  const FORM = {
    type: 'object',
    properties: {
      size: { enum: ['small', 'large'] },
      parts: { type: 'array', items: { type: 'integer' }, maxItems: 3 }
    },
    required: ['size', 'parts']
  }

  it.each([
    ['as it likes', {}],
    ['hot, with a seed', { temperature: 1.7, seed: 3 }]
  ])('answers in the form of a JSON schema: %s', async (_, params) => {
    const responseFormat = { type: 'json_schema', schema: FORM }
    const { text, finishReason } = await answerTo('Tell me a story', { responseFormat, ...params })
    const { size, parts, ...others } = JSON.parse(text)
    assert.ok(['small', 'large'].includes(size) && parts.length <= 3)
    assert.deepEqual([others, finishReason], [{}, 'stop'])
  })

  it('writes whole JSON where any is wanted, though it has no room for all that it would say', async () => {
    const params = { responseFormat: { type: 'json' }, maxTokens: 30 }
    const { text, finishReason, usage } = await answerTo('Tell me a story', params)
    assert.equal(typeof JSON.parse(text), 'object')
    assert.equal(finishReason, 'length')
    assert.ok(usage.outputTokens! <= 30)
  })

  it.each([
    ['any', 'required'],
    ['a certain one', { name: 'get_weather' }]
  ])('calls a tool when it must, whatever it would have said: %s', async (_, toolChoice) => {
    const offered = [...tools, { name: 'wait' }]
    const { toolCalls, finishReason, text } = await answerTo('What is 12 plus 7?', {
      tools: offered,
      toolChoice
    })
    assert.deepEqual([text, finishReason, toolCalls?.length], ['', 'tool_calls', 1])
    assert.ok(toolCalls![0]!.name === 'get_weather' || toolChoice === 'required')
    assert.equal(typeof JSON.parse(toolCalls![0]!.arguments), 'object')
  })

  it.each([
    ['a schema', { responseFormat: { type: 'json_schema', schema: { not: {} } } }, /"not"/],
    ['a tool', { tools, toolChoice: { name: 'other' } }, /toolChoice.*other/]
  ])('refuses in plain words to promise %s', async (_, params, why) => {
    const { code, message } = await errorFor('Hello', params)
    assert.equal(code, 'INVALID_INPUT')
    assert.match(message, why)
  })

  it('refuses pictures, which it cannot see', async () => {
    const content = [{ type: 'image', image: new Uint8Array(4) }]
    const { message, details } = await errorFor(
      [
        { role: 'user', content: 'a' },
        { role: 'user', content }
      ],
      {}
    )
    assert.match(message, /takes no pictures/)
    assert.equal(details.field, 'input.messages.1.content.0')
  })

  it('is greedy unless asked otherwise, and repeats with a seed', async () => {
    const sampled = { temperature: 1.8, maxTokens: 30 }
    const [one, again, other] = await Promise.all(
      [1, 1, 2].map(seed => answerTo('Tell me a story', { ...sampled, seed }))
    )
    assert.deepEqual(one, again)
    assert.notEqual(one!.text, other!.text)
    assert.equal((await answerTo('Tell me a story', { temperature: 0 })).text, STORY)
  })

  it('answers several at once, in turns', async () => {
    const order: number[] = []
    const read = async (at: number): Promise<void> => {
      for await (const _ of chunksOf('Tell me a story', {})) order.push(at)
    }
    await Promise.all([read(0), read(1), read(2)])
    // None of them had to wait for another's end.
    assert.ok(order.lastIndexOf(0) > order.indexOf(2) && order.lastIndexOf(2) > order.indexOf(0))
  })

  it('stops at once for a reader that leaves, as often as one does', async () => {
    for (let left = 0; left < 20; left++) {
      const controller = new AbortController()
      const reading = async (): Promise<void> => {
        for await (const _ of chunksOf('Tell me a story', {}, controller.signal)) controller.abort()
      }
      await assert.rejects(reading)
      await model.engine.settled?.()
    }
    assert.equal((await answerTo('What is 12 plus 7?')).text, '12 + 7 = 19')
  })
})
