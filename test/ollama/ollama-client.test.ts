/** The official client in JavaScript, unchanged, against models that another device has. */

import assert from 'node:assert/strict'
import { Ollama, type ToolCall } from 'ollama'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EMBEDDER, RANKER, TALKER, vectorOf } from '../openai/scripted-engine.ts'
import { type Devices, startDevices } from '../openai/two-devices.ts'

let devices: Devices
let client: Ollama
let url: string

beforeAll(async () => {
  devices = await startDevices()
  url = devices.baseURL.replace(/\/v1$/, '')
  client = new Ollama({ host: url, headers: { authorization: `Bearer ${devices.token}` } })
})
afterAll(() => devices[Symbol.asyncDispose]())

const user = (content: string) => [{ role: 'user', content }]
const post = (path: string, body: object, init: RequestInit = {}) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    ...init,
    headers: { authorization: `Bearer ${devices.token}`, 'content-type': 'application/json', ...init.headers }
  })
const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'The weather in a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
  }
}

const ofLengthOne = (vector: readonly number[]): number[] =>
  vector.map(value => value / Math.hypot(...vector))

describe('the list', () => {
  it('has each model of the mesh once, with what clients read of it', async () => {
    const { models } = await client.list()
    assert.deepEqual(models.map(({ model }) => model).sort(), [EMBEDDER, TALKER, RANKER].sort())
    const talker = models.find(({ name }) => name === TALKER)!
    expect(talker.details).toMatchObject({ family: 'talker', families: ['talker'], parameter_size: '1B' })
    assert.match(talker.digest, /^[0-9a-f]{64}$/)
    assert.ok(!Number.isNaN(Date.parse(String(talker.modified_at))))
    const { models: running } = await client.ps()
    assert.deepEqual(running.map(({ model }) => model).sort(), [EMBEDDER, TALKER, RANKER].sort())
  })

  it('shows what a model does, and says 404 of one that no device has', async () => {
    const shown = await client.show({ model: TALKER })
    assert.deepEqual(shown.capabilities, ['completion', 'tools'])
    expect(shown.model_info).toMatchObject({
      'general.architecture': 'talker',
      'general.basename': 'talker:1b',
      'talker.context_length': 200_000
    })
    assert.deepEqual((await client.show({ model: `${EMBEDDER}:latest` })).capabilities, ['embedding'])
    await assert.rejects(client.show({ model: 'embeder' }), {
      status_code: 404,
      error: "model 'embeder' not found. Closest: embedder"
    })
  })
})

describe('chat', () => {
  it('answers with text, why it ended, and what it took', async () => {
    const answer = await client.chat({ model: TALKER, messages: user('good morning') })
    expect(answer).toMatchObject({
      ...{ model: TALKER, done: true, done_reason: 'stop', prompt_eval_count: 2, eval_count: 2 },
      message: { role: 'assistant', content: 'good morning' }
    })
    assert.ok(answer.total_duration >= answer.eval_duration + answer.prompt_eval_duration)
    assert.ok(Number.isInteger(answer.total_duration) && answer.load_duration === 0)
    assert.ok(!('tool_calls' in answer.message))
  })

  it('streams lines, the last with what it took; also where nothing is said of a stream', async () => {
    const parts = await Array.fromAsync(
      await client.chat({ model: TALKER, messages: user('one two three'), stream: true })
    )
    assert.deepEqual(
      parts.map(({ message, done }) => [message.content, done]),
      [
        ['one ', false],
        ['two ', false],
        ['three', false],
        ['', true]
      ]
    )
    assert.equal(parts.at(-1)!.eval_count, 3)
    const unsaid = await post('/api/chat', { model: TALKER, messages: user('a b') })
    assert.equal(unsaid.headers.get('content-type'), 'application/x-ndjson')
    assert.equal(unsaid.headers.get('x-lumos-peer'), 'attic')
    assert.equal((await unsaid.text()).trimEnd().split('\n').length, 3)
  })

  it('gives whole calls of tools, and takes their results with and without the ids', async () => {
    const asked = { model: TALKER, messages: user('weather?'), tools: [WEATHER] }
    const { message } = await client.chat(asked)
    const calls = message.tool_calls as (ToolCall & { id?: string })[]
    assert.deepEqual(
      calls.map(({ id, function: { name, arguments: given } }) => [id, name, given]),
      [
        ['c-0', 'weather', { city: 'Bern' }],
        ['c-1', 'weather', { city: 'Oslo' }]
      ]
    )
    const parts = await Array.fromAsync(await client.chat({ ...asked, stream: true }))
    assert.deepEqual(
      parts.map(({ message }) => message.tool_calls?.length ?? 0),
      [2, 0]
    )

    const turn = await client.chat({
      ...asked,
      messages: [
        ...asked.messages,
        {
          role: 'assistant',
          content: '',
          tool_calls: calls.map(({ function: call }) => ({ function: call }))
        },
        { role: 'tool', content: '21', tool_name: 'weather' },
        { role: 'tool', content: '17', tool_name: 'weather' }
      ]
    })
    assert.equal(turn.message.content, '2 results: 17')
    const { messages } = devices.engine.requests.at(-1)!.input as { messages: { call?: string }[] }
    assert.deepEqual(
      messages.map(({ call }) => call),
      [undefined, undefined, 'call_1_0', 'call_1_1']
    )
  })

  it('takes options, a form, pictures and thinking as units name them', async () => {
    const { message, logprobs } = await client.chat({
      ...{ model: TALKER, messages: [{ role: 'user', content: 'think Bern', images: ['aGk='] }] },
      format: WEATHER.function.parameters,
      think: true,
      logprobs: true,
      top_logprobs: 1,
      options: {
        ...{
          num_predict: 9,
          temperature: 0.5,
          top_p: 0,
          top_k: -1,
          seed: 7,
          stop: ['#'],
          repeat_penalty: 1.1
        },
        ...{ num_ctx: 8192, num_gpu: 1, mirostat: 0 }
      }
    })
    assert.deepEqual([message.thinking, message.content], ['Let me see. ', '{"city":"Bern", "degrees":21}'])
    assert.equal(logprobs!.length, 2)
    const { params, input } = devices.engine.requests.at(-1)!
    assert.deepEqual(params, {
      ...{ maxTokens: 9, temperature: 0.5, topP: 1e-6, seed: 7, stop: ['#'], repetitionPenalty: 1.1 },
      ...{ logprobs: true, topLogprobs: 1 },
      responseFormat: { type: 'json_schema', schema: WEATHER.function.parameters }
    })
    expect(input).toMatchObject({ messages: [{ content: [{ type: 'text' }, { type: 'image' }] }] })
    const quiet = await client.chat({ model: TALKER, messages: user('think'), think: false, format: 'json' })
    assert.equal(quiet.message.thinking, undefined)
    expect(devices.engine.requests.at(-1)!.params).toMatchObject({ responseFormat: { type: 'json' } })
  })

  it('ends the work of the device that answers when its client leaves', async () => {
    const stream = await client.chat({ model: TALKER, messages: user('forever'), stream: true })
    await assert.rejects(
      async () => {
        for await (const _ of stream) stream.abort()
      },
      { name: 'AbortError' }
    )
    await expect.poll(() => devices.engine.running).toBe(0)
    assert.equal(devices.engine.outcomes.at(-1), 'left')
  })

  it('has a status for what fails before the first word, and a last line for what fails later', async () => {
    await assert.rejects(client.chat({ model: TALKER, messages: user('too long') }), {
      status_code: 400,
      error: /maximum context length is 64 tokens/
    })
    await assert.rejects(client.chat({ model: EMBEDDER, messages: user('a') }), {
      status_code: 400,
      error: `"${EMBEDDER}" does not support chat`
    })
    await assert.rejects(client.chat({ model: 'nothing', messages: user('a'), stream: true }), {
      status_code: 404
    })
    const stream = await client.chat({ model: TALKER, messages: user('a b fail after 2'), stream: true })
    const seen: string[] = []
    await assert.rejects(
      async () => {
        for await (const { message } of stream) seen.push(message.content)
      },
      { message: /engine died/ }
    )
    assert.deepEqual(seen, ['a ', 'b '])
  })
})

describe('generate', () => {
  it('answers a prompt, with a system prompt, or continues a text as it is', async () => {
    const answer = await client.generate({ model: TALKER, prompt: 'think a', system: 'Be brief.' })
    expect(answer).toMatchObject({ response: 'think a', thinking: 'Let me see. ', done_reason: 'stop' })
    assert.ok(!('context' in answer))
    expect(devices.engine.requests.at(-1)!.input).toMatchObject({
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user' }]
    })
    const parts = await Array.fromAsync(
      await client.generate({ model: TALKER, prompt: 'as it', raw: true, stream: true })
    )
    assert.deepEqual(
      parts.map(({ response }) => response),
      ['as ', 'it', '']
    )
    expect(devices.engine.requests.at(-1)!.input).toEqual({ prompt: 'as it' })
  })

  it('refuses what no model here does', async () => {
    for (const field of [{ suffix: 'end' }, { template: '{{ .Prompt }}' }, { context: [1, 2] }]) {
      await assert.rejects(client.generate({ model: TALKER, prompt: 'a', ...field }), {
        status_code: 400,
        error: new RegExp(`'${Object.keys(field)[0]}' is not supported`)
      })
    }
    for (const ask of [
      () => client.copy({ source: TALKER, destination: 'b' }),
      () => client.create({ model: 'b', from: TALKER }),
      () => client.push({ model: TALKER })
    ])
      await assert.rejects(ask(), { status_code: 501 })
  })

  it('loads and unloads a model by a question without words', async () => {
    const before = devices.engine.requests.length
    for (const [keep_alive, done_reason] of [
      [undefined, 'load'],
      ['5m', 'load'],
      [0, 'unload']
    ] as const) {
      const answer = await client.generate({
        model: TALKER,
        prompt: '',
        ...(keep_alive !== undefined && { keep_alive })
      })
      expect(answer).toMatchObject({ response: '', done: true, done_reason })
    }
    const chat = await (await post('/api/chat', { model: TALKER })).json()
    expect(chat).toMatchObject({ message: { role: 'assistant', content: '' }, done_reason: 'load' })
    const asked = devices.engine.requests.slice(before).map(({ params }) => params)
    expect(asked).toMatchObject([{ maxTokens: 1 }, { keepAlive: '5m' }, { keepAlive: 0 }, { maxTokens: 1 }])
  })

  it.each([-1, '-1', '-1s', '5m', 0, '0', '-1m', 300, '24h', '1h30m', null, undefined])(
    'takes a keep_alive of %j',
    async keep_alive => {
      const answer = await post('/api/generate', { model: TALKER, prompt: 'a', stream: false, keep_alive })
      assert.equal(answer.status, 200)
      assert.equal(devices.engine.requests.at(-1)!.params.keepAlive, keep_alive ?? undefined)
    }
  )
})

describe('embeddings', () => {
  it('come of one text or several, and by the older route', async () => {
    const { embeddings, ...rest } = await client.embed({ model: `${EMBEDDER}:latest`, input: ['a', 'bc d'] })
    assert.deepEqual(embeddings, [ofLengthOne(vectorOf('a')), ofLengthOne(vectorOf('bc d'))])
    expect(rest).toMatchObject({ model: `${EMBEDDER}:latest`, prompt_eval_count: 3 })
    assert.deepEqual((await client.embed({ model: EMBEDDER, input: 'a' })).embeddings, [
      ofLengthOne(vectorOf('a'))
    ])
    assert.deepEqual((await client.embed({ model: EMBEDDER, input: [] })).embeddings, [])
    assert.deepEqual((await client.embeddings({ model: EMBEDDER, prompt: 'a' })).embedding, vectorOf('a'))
    await assert.rejects(client.embed({ model: TALKER, input: 'a' }), { status_code: 400 })
  })
})
