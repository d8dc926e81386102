/** The official client of Anthropic in JavaScript, unchanged, against models that another device has. */

import assert from 'node:assert/strict'
import Anthropic, { APIError, NotFoundError } from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { EMBEDDER, TALKER } from '../openai/scripted-engine.ts'
import { type Devices, startDevices } from '../openai/two-devices.ts'

let devices: Devices
let client: Anthropic
const clientOf = ({ baseURL, token }: Devices) =>
  new Anthropic({ baseURL: baseURL.replace(/\/v1$/, ''), apiKey: token, maxRetries: 0 })

beforeAll(async () => {
  devices = await startDevices({ aliases: { 'claude-*': TALKER, 'claude-none': 'no/such' } })
  client = clientOf(devices)
})
afterAll(() => devices[Symbol.asyncDispose]())

const user = (content: string) => [{ role: 'user' as const, content }]
const asked = (content: string) => ({ model: TALKER, max_tokens: 100, messages: user(content) })
const lastAsked = () => devices.engine.requests.at(-1)!
const WEATHER = {
  name: 'weather',
  description: 'The weather in a city.',
  input_schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' } },
    required: ['city']
  }
}
const PNG = 'iVBORw0KGgo='
const image = (source: object) => ({ type: 'image', source }) as Anthropic.ImageBlockParam

describe('a message', () => {
  it('is answered with text, why it ended, and what it took', async () => {
    const answer = client.messages.create(asked('good morning'))
    const { data, response, request_id } = await answer.withResponse()
    expect(data).toMatchObject({
      ...{ type: 'message', role: 'assistant', model: TALKER, stop_reason: 'end_turn', stop_sequence: null },
      content: [{ type: 'text', text: 'good morning' }],
      usage: { input_tokens: 2, output_tokens: 2 }
    })
    assert.match(data.id, /^msg_[0-9a-f]{32}$/)
    assert.equal(request_id, response.headers.get('x-request-id'))
    assert.equal(response.headers.get('x-lumos-peer'), 'attic')
    const cut = await client.messages.create({ ...asked('a b c'), max_tokens: 2 })
    assert.deepEqual(
      [cut.stop_reason, cut.content[0]],
      ['max_tokens', { type: 'text', text: 'a b ', citations: null }]
    )
  })

  it('comes in the events of a stream, which make the same message', async () => {
    const types = []
    for await (const event of await client.messages.create({ ...asked('one two'), stream: true })) {
      types.push(event.type)
    }
    assert.deepEqual(types, [
      ...['message_start', 'content_block_start', 'content_block_delta', 'content_block_delta'],
      ...['content_block_stop', 'message_delta', 'message_stop']
    ])
    const stream = client.messages.stream(asked('one two three'))
    const texts: string[] = []
    stream.on('text', text => texts.push(text))
    const message = await stream.finalMessage()
    assert.deepEqual(texts, ['one ', 'two ', 'three'])
    const { body } = await devices.ask('/messages', asked('one two three'))
    const { id: _, ...whole } = body
    expect(message).toMatchObject(whole)
  })

  it('calls tools, whole and in pieces, and takes their results', async () => {
    const withTools = { ...asked('weather?'), tools: [WEATHER] }
    const calls = [0, 1].map(i => ({
      ...{ type: 'tool_use' as const, id: `c-${i}`, name: 'weather' },
      input: { city: ['Bern', 'Oslo'][i] }
    }))
    const { content, stop_reason } = await client.messages.create(withTools)
    assert.equal(stop_reason, 'tool_use')
    assert.deepEqual(content, calls)
    const streamed = await client.messages.stream(withTools).finalMessage()
    assert.equal(streamed.stop_reason, 'tool_use')
    expect(streamed.content).toMatchObject(calls)

    const turn = await client.messages.create({
      ...withTools,
      messages: [
        ...withTools.messages,
        { role: 'assistant', content: calls },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'c-0', content: '21' },
            {
              type: 'tool_result',
              tool_use_id: 'c-1',
              is_error: true,
              content: [{ type: 'text', text: '17' }]
            }
          ]
        }
      ]
    })
    assert.deepEqual(turn.content, [{ type: 'text', text: '2 results: Error: 17', citations: null }])
    const [, assistant, first] = (lastAsked().input as { messages: object[] }).messages
    expect(assistant).toMatchObject({ calls: [{ id: 'c-0', arguments: '{"city":"Bern"}' }, { id: 'c-1' }] })
    expect(first).toEqual({ role: 'tool', call: 'c-0', content: '21' })

    for (const [tool_choice, params] of [
      [{ type: 'any' }, { toolChoice: 'required' }],
      [
        { type: 'tool', name: 'weather', disable_parallel_tool_use: true },
        { toolChoice: { name: 'weather' }, parallelToolCalls: false }
      ],
      [{ type: 'none' }, { toolChoice: 'none' }]
    ] as const) {
      await client.messages.create({ ...withTools, tool_choice })
      expect(lastAsked().params).toMatchObject(params)
    }
  })

  it('has its reasoning in blocks where it was asked for, and takes it back', async () => {
    const thinking = { type: 'enabled' as const, budget_tokens: 1024 }
    const { content } = await client.messages.create({ ...asked('think of it'), thinking })
    expect(content).toMatchObject([
      { type: 'thinking', thinking: 'Let me see. ' },
      { type: 'text', text: 'think of it' }
    ])
    const streamed = await client.messages.stream({ ...asked('think of it'), thinking }).finalMessage()
    expect(streamed.content).toMatchObject(content)
    const plain = await client.messages.create(asked('think of it'))
    assert.deepEqual(
      plain.content.map(({ type }) => type),
      ['text']
    )

    await client.messages.create({
      ...asked('x'),
      messages: [...user('think'), { role: 'assistant', content }, ...user('and?')]
    })
    expect((lastAsked().input as { messages: object[] }).messages[1]).toEqual({
      ...{ role: 'assistant', content: 'think of it', reasoning: 'Let me see. ' }
    })
  })

  it('takes a system prompt, pictures and documents, and how to answer; what it does not know it ignores', async () => {
    await client.messages.create({
      ...{ model: TALKER, max_tokens: 9, temperature: 0.5, top_p: 0.9, top_k: 3, stop_sequences: ['zz'] },
      ...{ metadata: { user_id: 'me' }, service_tier: 'auto', context_management: {} },
      system: [
        { type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } },
        { type: 'text', text: 'Be kind.' }
      ],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'See' },
            image({ type: 'base64', media_type: 'image/png', data: PNG }),
            { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'A page.' } }
          ]
        }
      ]
    } as Anthropic.MessageCreateParamsNonStreaming)
    const { input, params } = lastAsked()
    expect((input as { messages: object[] }).messages).toEqual([
      { role: 'system', content: 'Be brief.\n\nBe kind.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'See' },
          { type: 'image', image: new Uint8Array(Buffer.from(PNG, 'base64')) },
          { type: 'text', text: 'A page.' }
        ]
      }
    ])
    expect(params).toEqual({ maxTokens: 9, temperature: 0.5, topP: 0.9, topK: 3, stop: ['zz'] })
  })

  it('with a picture of a large body reaches the model as bytes', async () => {
    const bytes = Buffer.alloc(2 * 2 ** 20, 7)
    const data = bytes.toString('base64')
    const content = [image({ type: 'base64', media_type: 'image/png', data })]
    await client.messages.create({ ...asked(''), messages: [{ role: 'user', content }] })
    const { messages } = lastAsked().input as { messages: { content: { image: Uint8Array }[] }[] }
    assert.ok(Buffer.from(messages[0]!.content[0]!.image).equals(bytes))
  })

  it('in the form of a JSON schema is what the model is held to', async () => {
    const schema = WEATHER.input_schema
    const { content } = await client.messages.create({
      ...asked('Bern'),
      output_config: { format: { type: 'json_schema', schema } }
    })
    expect(content).toMatchObject([{ text: '{"city":"Bern", "degrees":21}' }])
    expect(lastAsked().params).toMatchObject({ responseFormat: { type: 'json_schema', schema } })
    // As it was called before, which the client of today turns into the form above.
    const before = { ...asked('Bern'), mcp_servers: [], output_format: { type: 'json_schema', schema } }
    const { status, text } = await devices.ask('/messages', before)
    assert.equal(status, 200, text)
    expect(lastAsked().params).toMatchObject({ responseFormat: { type: 'json_schema', schema } })
  })

  it('for a model by another name of the settings goes to the model that is put there', async () => {
    const { model } = await client.messages.create({ ...asked('a'), model: 'claude-sonnet-9' })
    assert.equal(model, TALKER)
    const { body } = await devices.ask('/chat/completions', { model: 'claude-x', messages: user('a') })
    assert.equal(body.model, TALKER)
    assert.equal((await client.models.retrieve('claude-x')).id, TALKER)
    await assert.rejects(client.messages.create({ ...asked('a'), model: 'claude-none' }), NotFoundError)
  })

  it('asks for more than the model has room for, and is answered as far as there is room', async () => {
    const whole = await devices.ask('/messages', { ...asked('a b'), max_tokens: 300_000 })
    expect(whole.body.content).toMatchObject([{ text: 'a b' }])
    assert.equal(lastAsked().params.maxTokens, undefined)
    const stream = client.messages.stream({ ...asked('too long once a b'), max_tokens: 16 })
    expect((await stream.finalMessage()).content).toMatchObject([{ text: 'too long once a ' }])
    assert.equal(lastAsked().params.maxTokens, 4)
  })
})

describe('tokens', () => {
  it('are counted by the model, which writes one', async () => {
    const question = { model: TALKER, system: 'x', messages: user('one two three'), tools: [WEATHER] }
    assert.deepEqual({ ...(await client.messages.countTokens(question)) }, { input_tokens: 3 })
    expect(lastAsked().params).toMatchObject({ maxTokens: 1, tools: [{ name: 'weather' }] })
    const long = await client.messages.countTokens({ model: TALKER, messages: user('too long') })
    assert.equal(long.input_tokens, 60)
  })
})

describe('models', () => {
  it('are those that talk, in pages, by ids with slashes and colons', async () => {
    const { data, has_more } = await client.models.list()
    assert.deepEqual([data.map(({ id, type }) => [id, type]), has_more], [[[TALKER, 'model']], false])
    const all = []
    for await (const model of client.models.list({ limit: 1 })) all.push(model.id)
    assert.deepEqual(all, [TALKER])
    const after = await client.models.list({ after_id: TALKER })
    assert.deepEqual([after.data, after.has_more], [[], false])
    assert.equal((await client.models.retrieve(TALKER)).id, TALKER)
    for (const wrong of [
      () => client.models.retrieve('no/such:one'),
      () => client.models.retrieve(EMBEDDER),
      () => client.models.list({ after_id: 'no' })
    ])
      await assert.rejects(async () => await wrong(), { status: 404, type: 'not_found_error' })
    await assert.rejects(client.models.list({ limit: 0 }), { status: 400, type: 'invalid_request_error' })
    const { body } = await devices.ask('/models')
    assert.equal(body.object, 'list')
  })
})

describe('a failure', () => {
  it('before the first piece is a status, and after it an event that the client raises', async () => {
    const whole = client.messages.create(asked('a b fail after 1'))
    await assert.rejects(whole, (err: APIError) => {
      assert.deepEqual([err.status, err.type], [502, 'api_error'])
      assert.equal(err.headers!.get('x-should-retry'), 'false')
      assert.equal(err.requestID, err.headers!.get('x-request-id'))
      return true
    })
    const stream = client.messages.stream(asked('a b fail after 1'))
    const texts: string[] = []
    stream.on('text', text => texts.push(text))
    await assert.rejects(stream.finalMessage(), (err: APIError) => {
      assert.equal(err.type, 'api_error')
      return true
    })
    assert.deepEqual(texts, ['a '])
    const { text } = await devices.ask('/messages', { ...asked('a b fail after 1'), stream: true })
    assert.match(
      text,
      /\nevent: error\ndata: {"type":"error","error":{"type":"api_error","message":".*"},"request_id":"[0-9a-f]{32}"}\n\n$/
    )
    assert.ok(!text.includes('message_stop'))
  })

  it.each([
    ['a wrong key', 401, 'authentication_error', { apiKey: 'sk-wrong' }, {}],
    ['an unknown model', 404, 'not_found_error', {}, { model: 'no/such' }],
    ['a model for something else', 404, 'not_found_error', {}, { model: EMBEDDER }],
    ['a conversation that is too long', 400, 'invalid_request_error', {}, { messages: user('far too long') }]
  ])('of %s has its type', async (_, status, type, options, more) => {
    const { baseURL } = client
    const other = new Anthropic({ baseURL, apiKey: devices.token, maxRetries: 0, ...options })
    await assert.rejects(other.messages.create({ ...asked('a'), ...more }), (err: APIError) => {
      assert.deepEqual([err.status, err.type], [status, type])
      return true
    })
  })

  it('of a device in the middle of an answer reaches the client as an event', async () => {
    await using lost = await startDevices()
    const stream = clientOf(lost).messages.stream({ ...asked('on forever'), max_tokens: 100_000 })
    const failed = assert.rejects(stream.finalMessage(), APIError)
    await new Promise<void>(resolve => stream.once('text', () => resolve()))
    await lost.answering.stop({ drainMs: 0 })
    await failed
  })
})

describe('a client that leaves', () => {
  it('ends the work of the other device', async () => {
    for (let round = 0; round < 5; round++) {
      const stream = client.messages.stream({ ...asked('on forever'), max_tokens: 100_000 })
      const left = assert.rejects(stream.done())
      await new Promise<void>(resolve => stream.once('text', () => resolve()))
      stream.abort()
      await left
      await vi.waitFor(() => assert.equal(devices.engine.running, 0), { timeout: 1000, interval: 2 })
    }
  })
})
