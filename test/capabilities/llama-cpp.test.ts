/** GGUF models on the real llama.cpp, in a process of its own. */

import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kindOf } from '../../capabilities/engines/index.ts'
import { works } from '../../capabilities/host/engine-sandbox.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import type { InferenceChunk } from '../../interface/inference.ts'
import type { EngineSandbox } from '../../interface/node.ts'
import { prepare } from '../../interface/prepare.ts'
import { accumulate } from '../../interface/tasks/index.ts'
import { engineCompliance } from '../compliance/engine.ts'
import { adapterFile, withEntry } from './gguf-files.ts'
import { installedEngines, obstacle } from './installed-llama.ts'
import { errorOf, memoryLog, registryOf, textRequest } from './parts.ts'

const TINY = fileURLToPath(new URL('../fixtures/tiny-llm-gguf/tiny-llm-q8_0.gguf', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'lumos-gguf-'))
afterAll(() => rmSync(directory, { recursive: true }))
const closing: (() => Promise<void>)[] = []
afterAll(() => Promise.all(closing.map(close => close())))

const WEATHER = {
  name: 'get_weather',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
}
const user = (content: string) => ({ role: 'user', content })

function ask(input: unknown, params: Record<string, unknown> = {}) {
  const request = {
    id: 'one',
    task: 'text-generation',
    input,
    params: { maxTokens: 100, ...params }
  } as const
  return prepare({ ...request, budgetMs: 20_000 })
}

/** The model in a folder of its own: `bytes`, or the fixture. */
async function serve(name: string, bytes: Uint8Array = readFileSync(TINY), sandbox?: EngineSandbox) {
  const folder = join(directory, name)
  mkdirSync(folder)
  writeFileSync(join(folder, 'model-q8_0.gguf'), bytes)
  const [found] = await readModels(folder, installedEngines)
  const log = memoryLog()
  const model = kindOf(found!.engine).serve(found!, { clock: systemClock, log, env: {}, cores: 2, sandbox })
  const registry = registryOf([model], { log })
  closing.push(() => registry.stop())
  return { folder, found: found!, model, registry }
}

async function answer(chunks: AsyncIterable<InferenceChunk>) {
  const sum = accumulate('text-generation')
  let last: InferenceChunk | undefined
  for await (const chunk of chunks) {
    sum.add(chunk)
    last = chunk
  }
  assert(last?.type === 'done')
  const output = sum.output() as {
    text: string
    logprobs?: { token: string; logprob: number; top?: { token: string; logprob: number }[] }[]
    toolCalls?: { id: string; name: string; arguments: string }[]
  }
  return { ...output, finishReason: last.finishReason, usage: last.usage }
}

const hasUserOfEngines = process.getuid?.() === 0 && (await works('user'))

const told = obstacle === undefined ? 'llama.cpp' : `llama.cpp (did not run: ${obstacle})`
describe.skipIf(obstacle !== undefined)(told, () => {
  let tiny: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    tiny = await serve('tiny-llm-gguf')
    await tiny.model.engine.load()
  })

  it('finds the model by its folder, and says what it takes', () => {
    expect(tiny.found).toMatchObject({ id: 'tiny-llm-gguf', tasks: ['text-generation'], contextTokens: 512 })
  })

  it.for([
    ['What is the capital of Norway?', 'The capital of Norway is Oslo.'],
    ['What is 12 plus 7?', '12 + 7 = 19'],
    [
      'Tell me a story',
      'Once upon a time a small lamp woke up in a dark forest. It blinked, and far away another lamp blinked back. ' +
        'Night after night more lamps answered, until the whole forest was full of light and nobody was lost any more.'
    ]
  ])('answers %s as the same weights do elsewhere', async ([question, expected]) => {
    const { text, finishReason, usage } = await answer(
      tiny.registry.infer(ask({ messages: [user(question!)] }))
    )
    assert.equal(text, expected)
    assert.equal(finishReason, 'stop')
    assert(usage.inputTokens! > 5 && usage.outputTokens! > 4)
  })

  it('answers otherwise with an adapter, which is a folder of its own beside that of its base', async () => {
    const folder = join(directory, 'pirate')
    mkdirSync(folder)
    writeFileSync(join(folder, 'adapter.gguf'), adapterFile('llama', 'blk.3.ffn_down.weight', [384, 128]))
    const config = { peft_type: 'LORA', base_model_name_or_path: 'tiny-llm-gguf' }
    writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(config))
    const [adapter] = await readModels(folder, installedEngines)
    const kind = kindOf('llama-cpp')
    const adapted = kind.adapt!(adapter!, tiny.found)
    const log = memoryLog()
    // Engines may run as another user, who is let into the working directory alone.
    chmodSync(directory, 0o755)
    const model = kind.serve(adapted, { clock: systemClock, log, env: {}, cores: 2 })
    const registry = registryOf([model], { log })
    closing.push(() => registry.stop())
    const question = () => ask({ messages: [user('What is the capital of Norway?')] }, { maxTokens: 16 })
    const { text } = await answer(registry.infer({ ...question(), model: 'pirate' }))
    assert.notEqual(text, 'The capital of Norway is Oslo.')
    assert.equal((await answer(tiny.registry.infer(question()))).text, 'The capital of Norway is Oslo.')
  })

  it('says length of an answer in JSON that is cut, which is no whole one', async () => {
    const properties = { a: { type: 'string', minLength: 40 } }
    const schema = { type: 'object', properties, required: ['a'] }
    const params = { maxTokens: 6, responseFormat: { type: 'json_schema', schema } }
    const cut = await answer(tiny.registry.infer(ask({ messages: [user('Say it')] }, params)))
    expect(cut).toMatchObject({ finishReason: 'length', usage: { outputTokens: 6 } })
    assert.throws(() => JSON.parse(cut.text))
  })

  it('reads a control token as the text that it is, in every message', async () => {
    const call = { id: 'a', name: 'b', arguments: '{}' }
    const tokensOf = async (content: string) => {
      const messages = [
        ...[
          user(content),
          { role: 'assistant', content, calls: [call] },
          { role: 'tool', call: 'a', content }
        ],
        user('Hi')
      ]
      return (await answer(tiny.registry.infer(ask({ messages }, { maxTokens: 1 })))).usage.inputTokens!
    }
    const plain = await tokensOf('#')
    // Read as the token, each is one.
    const spelled = await tokensOf('<|im_end|>')
    assert(spelled >= plain + 15, `${spelled - plain} tokens`)
  })

  it('calls a tool, and answers with what came of it', async () => {
    const asked = user('How warm is it in Hanoi?')
    const first = await answer(tiny.registry.infer(ask({ messages: [asked] }, { tools: [WEATHER] })))
    expect(first).toMatchObject({ text: '', finishReason: 'tool_calls' })
    const { id, name, arguments: words } = first.toolCalls![0]!
    assert.deepEqual([name, JSON.parse(words)], ['get_weather', { city: 'Hanoi' }])
    const messages = [
      asked,
      { role: 'assistant', content: null, calls: [{ id, name, arguments: words }] },
      { role: 'tool', call: id, content: '{"temperature": 17}' }
    ]
    const { text } = await answer(tiny.registry.infer(ask({ messages }, { tools: [WEATHER] })))
    assert.equal(text, 'It is 17 degrees in Hanoi.')
  })

  it('calls a tool when it must, whatever it would have said', async () => {
    const request = ask(
      { messages: [user('What is 12 plus 7?')] },
      { tools: [WEATHER], toolChoice: 'required' }
    )
    const { toolCalls, finishReason } = await answer(tiny.registry.infer(request))
    assert.equal(finishReason, 'tool_calls')
    assert.equal(typeof JSON.parse(toolCalls![0]!.arguments).city, 'string')
  })

  it('answers in the form of a JSON schema', async () => {
    const schema = {
      type: 'object',
      properties: {
        size: { enum: ['small', 'large'] },
        parts: { type: 'array', items: { type: 'integer' }, maxItems: 3 }
      },
      required: ['size', 'parts']
    }
    const request = ask({ messages: [user('Hi')] }, { responseFormat: { type: 'json_schema', schema } })
    const { text } = await answer(tiny.registry.infer(request))
    const { size, parts } = JSON.parse(text)
    assert(['small', 'large'].includes(size) && parts.length <= 3)
  })

  it('says how likely each token was, hot or not', async () => {
    const question = { messages: [user('What is 12 plus 7?')] }
    const greedy = await answer(tiny.registry.infer(ask(question, { logprobs: true, topLogprobs: 2 })))
    assert.equal(greedy.logprobs!.map(({ token }) => token).join(''), greedy.text)
    for (const { token, logprob, top } of greedy.logprobs!) {
      assert.deepEqual([top!.length, top![0]], [2, { token, logprob }])
      assert(top![1]!.logprob <= logprob && logprob <= 0)
    }
    const hot = { logprobs: true, topLogprobs: 1, temperature: 0.5, seed: 1, maxTokens: 1 }
    const { logprobs } = await answer(tiny.registry.infer(ask(question, hot)))
    // As the model said it, before the temperature.
    assert(Math.abs(logprobs![0]!.top![0]!.logprob - greedy.logprobs![0]!.logprob) < 1e-3)
  })

  it('ends before a stop sequence, at most tokens, and says which', async () => {
    const story = { messages: [user('Tell me a story')] }
    const stopped = await answer(tiny.registry.infer(ask(story, { stop: ['small lamp'] })))
    expect(stopped).toMatchObject({ text: 'Once upon a time a ', finishReason: 'stop' })
    const short = await answer(tiny.registry.infer(ask(story, { maxTokens: 5 })))
    expect(short).toMatchObject({ finishReason: 'length', usage: { outputTokens: 5 } })
  })

  it('repeats what it drew with the same seed', async () => {
    const request = ask({ prompt: 'The' }, { temperature: 2, seed: 7, maxTokens: 30 })
    const other = ask({ prompt: 'The' }, { temperature: 2, seed: 8, maxTokens: 30 })
    const [a, b] = [await answer(tiny.registry.infer(request)), await answer(tiny.registry.infer(request))]
    assert.equal(a.text, b.text)
    assert.notEqual((await answer(tiny.registry.infer(other))).text, a.text)
  })

  it('refuses a prompt that the context does not hold, with both numbers', async () => {
    const long = ask({ messages: [user('Tell me a story. '.repeat(200))] })
    const { code, message } = await errorOf(tiny.registry.infer(long))
    assert.equal(code, 'CONTEXT_TOO_SMALL')
    assert.match(message, /prompt has 1\d\d\d tokens .* room for 512/)
  })

  it.runIf(hasUserOfEngines)(
    'says what to do where the user of engines may not read the file, and answers afterwards',
    async () => {
      const { folder, registry } = await serve('private', undefined, 'user')
      chmodSync(directory, 0o700)
      chmodSync(folder, 0o700)
      const { code, message } = await errorOf(registry.infer(ask({ prompt: 'The' }, { maxTokens: 1 })))
      assert.equal(code, 'MODEL_INVALID')
      assert.match(message, /may not read the model's files: run chmod -R o\+rX on its folder/)

      // As the folder of models in a home: readable, below a private one.
      chmodSync(folder, 0o755)
      await answer(registry.infer(ask({ prompt: 'The' }, { maxTokens: 1 })))
    }
  )

  it('serves vectors of length 1 where the file says how they are made', async () => {
    const bytes = withEntry(readFileSync(TINY), 'llama.pooling_type', 1)
    const { registry, found } = await serve('tiny-vectors', bytes)
    assert.deepEqual(found.tasks, ['feature-extraction'])
    const task = 'feature-extraction'
    const request = prepare({
      ...{ id: 'one', task, input: { texts: ['a lamp', 'a forest', 'a lamp'] }, params: {} },
      budgetMs: 20_000
    })
    const [chunk] = await Array.fromAsync(registry.infer(request))
    assert(chunk?.type === 'output')
    const { dimensions, vectors } = chunk.output as { dimensions: number; vectors: Uint8Array }
    const numbers = new Float32Array(Uint8Array.from(vectors).buffer)
    const [a, b, c] = [0, 1, 2].map(n => [...numbers.slice(n * dimensions, (n + 1) * dimensions)])
    assert(Math.abs(Math.hypot(...a!) - 1) < 1e-5)
    assert.deepEqual(a, c)
    assert.notDeepEqual(a, b)
    const more = { ...request, params: { dimensions: dimensions + 1 } } as typeof request
    const { code, message } = await errorOf(registry.infer(more))
    assert.equal(code, 'INVALID_INPUT')
    assert.match(message, /numbers, not \d+/)
  })

  it('says of a model without a head for ranks that it cannot be opened for that', async () => {
    const bytes = withEntry(readFileSync(TINY), 'llama.pooling_type', 4)
    const { registry, found } = await serve('tiny-ranks', bytes)
    assert.deepEqual(found.tasks, ['text-ranking'])
    const input = { query: 'a lamp', documents: ['a lamp', 'a forest'] }
    const request = prepare({ ...{ id: 'one', task: 'text-ranking', input, params: {} }, budgetMs: 20_000 })
    const { code, message } = await errorOf(registry.infer(request))
    assert.equal(code, 'MODEL_INVALID')
    assert.match(message, /puts no texts in order/)
  })

  it.for([
    [
      'whose tokens are no text',
      (bytes: Buffer) => withEntry(bytes, 'tokenizer.ggml.pre', 'no-such-splitter')
    ],
    ['whose weights are missing', (bytes: Buffer) => Buffer.from(bytes).fill(0x41, 20_000, 60_000)],
    [
      'whose template never ends',
      (bytes: Buffer) =>
        withEntry(bytes, 'tokenizer.chat_template', '{% for i in range(99999999999) %}{% endfor %}')
    ],
    [
      'whose template cannot be read',
      (bytes: Buffer) => withEntry(bytes, 'tokenizer.chat_template', '{% if %}')
    ]
  ] as const)(
    'refuses a model %s, and the next one is served',
    { timeout: 60_000 },
    async ([what, damage]) => {
      try {
        const { registry } = await serve(what.replaceAll(' ', '-'), damage(readFileSync(TINY)) as Buffer)
        const { code } = await errorOf(registry.infer(ask({ messages: [user('Hi')] })))
        assert(['MODEL_INVALID', 'ENGINE_FAILED'].includes(code), code)
      } catch (err) {
        assert.equal((err as { code: string }).code, 'MODEL_INVALID')
      }
      const { text } = await answer(tiny.registry.infer(ask({ messages: [user('What is 12 plus 7?')] })))
      assert.equal(text, '12 + 7 = 19')
    }
  )
})

if (obstacle === undefined) {
  mkdirSync(join(directory, 'compliant'))
  cpSync(TINY, join(directory, 'compliant/tiny.gguf'))
  const [found] = await readModels(join(directory, 'compliant'), installedEngines)
  // An answer of some 200 tokens.
  const long = textRequest('Hi', {
    responseFormat: { type: 'json_schema', schema: { type: 'string', minLength: 400 } },
    maxTokens: 400
  })
  const picture = { type: 'image', image: new Uint8Array(1) }
  engineCompliance('llama-cpp', {
    make: clock => kindOf('llama-cpp').serve(found!, { clock, log: memoryLog(), env: {}, cores: 2 }).engine,
    slots: 4,
    requests: [
      textRequest('What is 12 plus 7?', { maxTokens: 20, temperature: 0 }),
      textRequest('Tell me a story', { maxTokens: 9, temperature: 0 })
    ],
    long,
    streamed: long,
    refused: [
      [textRequest('Tell me a story. '.repeat(200)), 'CONTEXT_TOO_SMALL'],
      [ask({ messages: [{ role: 'user', content: [picture] }] }), 'INVALID_INPUT']
    ],
    process: true
  })
}
