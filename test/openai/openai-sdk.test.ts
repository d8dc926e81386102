/** The official client in JavaScript, unchanged, against models that another device has. */

import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { LengthFinishReasonError } from 'openai/error'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { requestIdOf } from '../../interface/answers.ts'
import { EMBEDDER, RANKER, TALKER, vectorOf } from './scripted-engine.ts'
import { type Devices, startDevices } from './two-devices.ts'

let devices: Devices
let client: OpenAI

beforeAll(async () => {
  devices = await startDevices()
  client = new OpenAI({ baseURL: devices.baseURL, apiKey: devices.token, maxRetries: 0 })
})
afterAll(() => devices[Symbol.asyncDispose]())

const user = (content: string) => [{ role: 'user' as const, content }]
const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'weather',
    description: 'The weather in a city.',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
  }
}

describe('chat', () => {
  it('answers with text, why it ended, and what it took', async () => {
    const { data, response } = await client.chat.completions
      .create({ model: TALKER, messages: user('good morning') })
      .withResponse()
    expect(data).toMatchObject({
      object: 'chat.completion',
      model: TALKER,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'good morning', refusal: null },
          logprobs: null,
          finish_reason: 'stop'
        }
      ],
      usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 }
    })
    assert.match(data.id, /^chatcmpl-/)
    assert.equal(response.headers.get('x-lumos-peer'), 'attic')
    assert.equal(response.headers.get('x-lumos-route'), 'remote')
    // The id of an answer opens it, and programs send back what they are given: these ids are made of the request's.
    const requestId = requestIdOf(response.headers.get('x-lumos-answer')!)
    assert.equal(data.id, `chatcmpl-${requestId}`)
    const [first] = await Array.fromAsync(
      await client.chat.completions.create({ model: TALKER, messages: user('good'), stream: true })
    )
    assert.match(first!.id, /^chatcmpl-[0-9a-f]{32}$/)
    const completion = await client.completions.create({ model: TALKER, prompt: 'good' })
    assert.match(completion.id, /^cmpl-[0-9a-f]{32}$/)
  })

  it('streams text as it comes, with usage only where it is asked for', async () => {
    const options = { model: TALKER, messages: user('one two three'), stream: true } as const
    const { data, response } = await client.chat.completions.create(options).withResponse()
    const chunks = await Array.fromAsync(data)
    assert.equal(response.headers.get('x-lumos-peer'), 'attic')
    assert.equal(chunks.map(({ choices }) => choices[0]!.delta.content ?? '').join(''), 'one two three')
    assert.equal(chunks[0]!.choices[0]!.delta.role, 'assistant')
    assert.equal(chunks.at(-1)!.choices[0]!.finish_reason, 'stop')
    assert.ok(chunks.every(chunk => !('usage' in chunk) && chunk.choices.length === 1))

    const asked = await client.chat.completions.create({
      ...options,
      stream_options: { include_usage: true }
    })
    const withUsage = await Array.fromAsync(asked)
    assert.deepEqual(withUsage.at(-1)!.choices, [])
    assert.deepEqual(withUsage.at(-1)!.usage, { prompt_tokens: 3, completion_tokens: 3, total_tokens: 6 })
    assert.ok(withUsage.slice(0, -1).every(({ usage }) => usage === null))
  })

  it('gives parallel tool calls, whole and in pieces, and takes their results', async () => {
    const asked = { model: TALKER, messages: user('weather?'), tools: [WEATHER] }
    const answer = await client.chat.completions.create(asked)
    const { message, finish_reason } = answer.choices[0]!
    assert.equal(finish_reason, 'tool_calls')
    assert.equal(message.content, null)
    const calls = [0, 1].map(i => ({
      id: `c-${i}`,
      type: 'function' as const,
      function: { name: 'weather', arguments: `{"city":"${['Bern', 'Oslo'][i]}"}` }
    }))
    assert.deepEqual(message.tool_calls, calls)

    const chunks = await Array.fromAsync(await client.chat.completions.create({ ...asked, stream: true }))
    const deltas = chunks.flatMap(({ choices }) => choices[0]!.delta.tool_calls ?? [])
    assert.deepEqual(
      deltas.filter(({ id }) => id !== undefined).map(({ index, id, type }) => [index, id, type]),
      [
        [0, 'c-0', 'function'],
        [1, 'c-1', 'function']
      ]
    )
    assert.equal(chunks.at(-1)!.choices[0]!.finish_reason, 'tool_calls')
    const streamed = await client.chat.completions.stream(asked).finalChatCompletion()
    expect(streamed.choices[0]!.message.tool_calls).toMatchObject(calls)

    const turn = await client.chat.completions.create({
      ...asked,
      messages: [
        ...asked.messages,
        message,
        { role: 'tool', tool_call_id: 'c-0', content: '21' },
        { role: 'tool', tool_call_id: 'c-1', content: [{ type: 'text', text: '17' }] }
      ]
    })
    assert.equal(turn.choices[0]!.message.content, '2 results: 17')
    const one = await client.chat.completions.create({ ...asked, parallel_tool_calls: false })
    assert.equal(one.choices[0]!.message.tool_calls!.length, 1)
    const none = await client.chat.completions.create({ ...asked, tool_choice: 'none' })
    assert.equal(none.choices[0]!.message.content, 'weather?')
  })

  it('answers in the form of a JSON schema', async () => {
    const answer = await client.chat.completions.create({
      model: TALKER,
      messages: user('Bern'),
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'weather', strict: true, schema: WEATHER.function.parameters }
      }
    })
    assert.deepEqual(JSON.parse(answer.choices[0]!.message.content!), { city: 'Bern', degrees: 21 })
    expect(devices.engine.requests.at(-1)!.params).toMatchObject({
      responseFormat: { type: 'json_schema', schema: WEATHER.function.parameters }
    })
  })

  it('gives several answers, log-probabilities and reasoning', async () => {
    const asked = {
      model: TALKER,
      messages: user('think of it'),
      n: 3,
      seed: 5,
      logprobs: true,
      top_logprobs: 1
    }
    const { choices, usage } = await client.chat.completions.create(asked)
    assert.deepEqual(
      choices.map(({ index, message }) => [index, message.content]),
      [0, 1, 2].map(i => [i, 'think of it'])
    )
    assert.equal((choices[0]!.message as { reasoning_content?: string }).reasoning_content, 'Let me see. ')
    assert.deepEqual(choices[1]!.logprobs!.content![0], {
      ...{ token: 'think ', logprob: -0.5, bytes: [...Buffer.from('think ')] },
      top_logprobs: [{ token: 'else', logprob: -2, bytes: [...Buffer.from('else')] }]
    })
    assert.deepEqual(usage, { prompt_tokens: 3, completion_tokens: 12, total_tokens: 15 })
    assert.deepEqual(
      new Set(devices.engine.requests.slice(-3).map(({ params }) => params.seed)),
      new Set([5, 6, 7])
    )

    const chunks = await Array.fromAsync(await client.chat.completions.create({ ...asked, stream: true }))
    const texts = ['', '', '']
    for (const { choices } of chunks) texts[choices[0]!.index] += choices[0]!.delta.content ?? ''
    assert.deepEqual(
      texts,
      Array.from({ length: 3 }, () => 'think of it')
    )
    assert.equal(chunks.filter(({ choices }) => choices[0]!.finish_reason === 'stop').length, 3)
  })

  it('passes on how a text is to be generated', async () => {
    const { choices } = await client.chat.completions.create({
      ...{ model: TALKER, messages: user('a b c d.'), user: 'me', store: true, service_tier: 'auto' },
      ...{
        max_completion_tokens: 9,
        temperature: 0.5,
        top_p: 0.9,
        frequency_penalty: 1,
        presence_penalty: -1
      },
      ...{ seed: 7, stop: ['c'] }
    })
    assert.equal(choices[0]!.message.content, 'a b ')
    expect(devices.engine.requests.at(-1)!.params).toEqual({
      ...{ maxTokens: 9, temperature: 0.5, topP: 0.9, frequencyPenalty: 1, presencePenalty: -1 },
      ...{ seed: 7, stop: ['c'] }
    })
    const cut = await client.chat.completions.create({
      model: TALKER,
      messages: user('a b c'),
      max_tokens: 2
    })
    assert.deepEqual([cut.choices[0]!.message.content, cut.choices[0]!.finish_reason], ['a b ', 'length'])
  })

  it('says of JSON that it was cut, and `parse` takes none that is', async () => {
    const asked = (max_tokens: number) =>
      client.chat.completions.parse({
        ...{ model: TALKER, messages: user('a'), max_tokens },
        response_format: { type: 'json_schema', json_schema: { name: 'place', schema: { type: 'object' } } }
      })
    const whole = await asked(2)
    assert.equal(whole.choices[0]!.finish_reason, 'stop')
    await assert.rejects(asked(1), LengthFinishReasonError)
    const { status, incomplete_details } = await client.responses.create({
      ...{ model: TALKER, input: 'a', max_output_tokens: 1 },
      text: { format: { type: 'json_object' } }
    })
    assert.deepEqual([status, incomplete_details?.reason], ['incomplete', 'max_output_tokens'])
  })

  it('takes all roles, and content as text, parts or nothing', async () => {
    const image = 'data:image/png;base64,iVBORw0KGgo='
    await client.chat.completions.create({
      model: TALKER,
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'system',
          content: [
            { type: 'text', text: 'Be ' },
            { type: 'text', text: 'kind.' }
          ]
        },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'See' },
            { type: 'image_url', image_url: { url: image } }
          ]
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }]
        },
        { role: 'tool', tool_call_id: 'c', content: 'x' },
        { role: 'assistant', content: [{ type: 'text', text: 'y' }] },
        { role: 'user', content: [] }
      ]
    })
    const { messages } = devices.engine.requests.at(-1)!.input as { messages: object[] }
    expect(messages).toEqual([
      { role: 'developer', content: 'Be brief.' },
      { role: 'system', content: 'Be kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See' },
          { type: 'image', image: new Uint8Array(Buffer.from('iVBORw0KGgo=', 'base64')) }
        ]
      },
      { role: 'assistant', content: null, calls: [{ id: 'c', name: 'f', arguments: '{}' }] },
      { role: 'tool', content: 'x', call: 'c' },
      { role: 'assistant', content: 'y' },
      { role: 'user', content: '' }
    ])
  })
})

describe('completions', () => {
  it('continue one text or several, whole and in pieces', async () => {
    const { choices, usage } = await client.completions.create({
      model: TALKER,
      prompt: ['a b', 'c'],
      n: 2,
      logprobs: 1
    })
    assert.deepEqual(
      choices.map(({ index, text }) => [index, text]),
      [
        [0, 'a b'],
        [1, 'a b'],
        [2, 'c'],
        [3, 'c']
      ]
    )
    assert.deepEqual(choices[0]!.logprobs, {
      tokens: ['a ', 'b'],
      token_logprobs: [-0.5, -0.5],
      top_logprobs: [{ else: -2 }, { else: -2 }],
      text_offset: [0, 2]
    })
    assert.equal(usage!.completion_tokens, 6)
    const chunks = await Array.fromAsync(
      await client.completions.create({ model: TALKER, prompt: 'x y', stream: true })
    )
    assert.equal(chunks.map(({ choices }) => choices[0]!.text).join(''), 'x y')
    assert.equal(chunks.at(-1)!.choices[0]!.finish_reason, 'stop')
  })
})

describe('embeddings', () => {
  it('are the same as floats and as base64, in their order', async () => {
    for (const input of [['a'], Array.from({ length: 100 }, (_, i) => 'x'.repeat(i))]) {
      const byDefault = await client.embeddings.create({ model: EMBEDDER, input })
      const floats = await client.embeddings.create({ model: EMBEDDER, input, encoding_format: 'float' })
      const right = input.map(vectorOf)
      assert.deepEqual(
        byDefault.data.map(({ embedding }) => [...embedding]),
        right
      )
      assert.deepEqual(
        floats.data.map(({ embedding }) => embedding),
        right
      )
      assert.deepEqual(
        floats.data.map(({ index }) => index),
        [...input.keys()]
      )
    }
    const raw = await devices.ask('/embeddings', { model: EMBEDDER, input: 'ab', encoding_format: 'base64' })
    const bytes = Buffer.from(raw.body.data[0].embedding, 'base64')
    assert.deepEqual(
      [0, 4, 8].map(at => bytes.readFloatLE(at)),
      vectorOf('ab')
    )
    assert.deepEqual(raw.body.usage, { prompt_tokens: 1, total_tokens: 1 })
  })
})

describe('models', () => {
  it('are those of the mesh, by ids with slashes and colons', async () => {
    const { data } = await client.models.list()
    assert.deepEqual(
      data.map(({ id, object, owned_by }) => [id, object, owned_by]),
      [EMBEDDER, TALKER, RANKER].map(id => [id, 'model', 'attic'])
    )
    assert.equal((await client.models.retrieve(TALKER)).id, TALKER)
    assert.equal((await devices.ask(`/models/${TALKER}`)).body.id, TALKER)
    await assert.rejects(client.models.retrieve('no/such:one'), {
      status: 404,
      code: 'model_not_found',
      param: 'model'
    })
  })
})

describe('rerank', () => {
  it('puts documents in order, in the form of Cohere and Jina', async () => {
    const asked = {
      model: RANKER,
      query: 'b',
      documents: ['a', { text: 'b' }, 'c'],
      top_n: 1,
      return_documents: true
    }
    const { status, body } = await devices.ask('/rerank', asked)
    assert.equal(status, 200)
    expect(body).toMatchObject({
      model: RANKER,
      results: [{ index: 1, relevance_score: 0.9, document: { text: 'b' } }],
      usage: { total_tokens: 4 }
    })
  })
})

describe('the REST API of LM Studio', () => {
  const ask = async (path: string, body?: object, key = devices.token) => {
    const url = devices.baseURL.replace(/v1$/, `api/v0${path}`)
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const response = await fetch(url, {
      headers,
      ...(body && { method: 'POST', body: JSON.stringify(body) })
    })
    // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
    return { status: response.status, body: (await response.json()) as any }
  }

  it('lists what talks and what makes vectors, with what clients read of it', async () => {
    const { body } = await ask('/models')
    assert.equal(body.object, 'list')
    expect(body.data).toMatchObject([
      { id: EMBEDDER, type: 'embeddings', publisher: '', state: 'loaded' },
      {
        ...{ id: TALKER, object: 'model', type: 'llm', publisher: 'org', arch: 'talker' },
        ...{ compatibility_type: '', quantization: '', state: 'loaded', max_context_length: 200_000 }
      }
    ])
    for (const path of [TALKER, encodeURIComponent(TALKER)])
      assert.equal((await ask(`/models/${path}`)).body.id, TALKER)
  })

  it('answers chats, completions and embeddings as /v1 does, and refuses in its form', async () => {
    const messages = [{ role: 'user', content: 'a b' }]
    // As the first example of its documents has it: as much as the model has room for.
    const chat = await ask('/chat/completions', { model: TALKER, messages, max_tokens: -1 })
    assert.equal(chat.body.choices[0].message.content, 'a b')
    const completion = await ask('/completions', { model: TALKER, prompt: 'a b' })
    assert.equal(completion.body.choices[0].text, 'a b')
    const { body } = await ask('/embeddings', { model: EMBEDDER, input: 'a' })
    assert.equal(body.data.length, 1)
    for (const [path, key, status] of [
      ['/models/no', devices.token, 404],
      [`/models/${RANKER}`, devices.token, 404],
      ['/nothing', devices.token, 404],
      ['/models', 'wrong', 401]
    ] as const) {
      const refused = await ask(path, undefined, key)
      assert.deepEqual([refused.status, refused.body.error.type], [status, 'invalid_request_error'])
    }
  })
})
