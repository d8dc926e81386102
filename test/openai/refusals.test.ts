/** What is refused, in OpenAI's words: what is wrong, by its place; what is not there; and what fails on the way. */

import assert from 'node:assert/strict'
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChatMessages } from '../../gateway/openai/messages.ts'
import { EMBEDDER, RANKER, TALKER } from './scripted-engine.ts'
import { type Devices, startDevices } from './two-devices.ts'

const PAGE = 'https://chat.example'
const EXTENSION = 'chrome-extension://abcdef'

let devices: Devices
beforeAll(async () => {
  devices = await startDevices({ origins: [PAGE, EXTENSION] })
})
afterAll(() => devices[Symbol.asyncDispose]())

const CHAT = '/chat/completions'
const user = (content: unknown) => [{ role: 'user', content }]
const chat = (more: object) => ({ model: TALKER, messages: user('a'), ...more })
const message = (one: object) => chat({ messages: [one] })

describe('how long a model stays loaded', () => {
  it.each([-1, '-1', '5m', 0, '0', '-1m', 300, '24h', null])('may be said as %j', async keep_alive => {
    for (const [path, body] of [
      [CHAT, chat({})],
      ['/completions', { model: TALKER, prompt: 'a' }],
      ['/responses', { model: TALKER, input: 'a' }],
      ['/embeddings', { model: EMBEDDER, input: 'a' }],
      ['/rerank', { model: RANKER, query: 'a', documents: ['a'] }]
    ] as const) {
      const { status, text } = await devices.ask(path, { ...body, keep_alive })
      assert.equal(status, 200, text)
      const { params } = devices.engine.requests.at(-1)!
      assert.equal(params.keepAlive ?? null, keep_alive)
    }
  })

  it('is refused where it is no time', async () => {
    const { status, body } = await devices.ask(CHAT, chat({ keep_alive: 'soon' }))
    assert.deepEqual([status, body.error.param], [400, 'keep_alive'])
    assert.match(body.error.message, /5m/)
  })
})

describe('a wrong body', () => {
  it('of many wrong parts is refused by the first thing that is wrong, without a look at the others', async () => {
    const content = Array.from({ length: 256 }, () => ({}))
    const messages = Array.from({ length: 500 }, () => ({ role: 'user', content }))
    const msOf = async (work: () => unknown): Promise<number> => {
      const startedMs = performance.now()
      await work()
      return performance.now() - startedMs
    }
    const wholeMs = await msOf(() => ChatMessages.safeParse(messages))
    const answer = async (): Promise<void> => {
      const { status } = await devices.ask(CHAT, chat({ messages }))
      assert.equal(status, 400)
    }
    // Other work on the machine can only make one of them late.
    const answerMs = Math.min(await msOf(answer), await msOf(answer), await msOf(answer))
    assert.ok(answerMs < wholeMs / 2, `${answerMs} of ${wholeMs} ms`)
  })

  it.each<[path: string, body: unknown, param: string | null, code: string | null, words: RegExp]>([
    [
      CHAT,
      { messages: user('a') },
      'model',
      'missing_required_parameter',
      /Missing required parameter: 'model'/
    ],
    [CHAT, chat({ messages: undefined }), 'messages', 'missing_required_parameter', /Missing/],
    [CHAT, chat({ messages: [] }), 'messages', 'empty_array', /empty array/],
    [CHAT, chat({ messages: 'a' }), 'messages', 'invalid_type', /expected an array, but got a string/],
    [
      CHAT,
      message({ role: 'wizard', content: 'a' }),
      'messages[0].role',
      'invalid_value',
      /'wizard'.*'system'/
    ],
    [CHAT, message({ content: 'a' }), 'messages[0].role', 'missing_required_parameter', /Missing/],
    [CHAT, message({ role: 'user' }), 'messages[0].content', 'missing_required_parameter', /Missing/],
    [
      CHAT,
      message({ role: 'user', content: 7 }),
      'messages[0].content',
      'invalid_type',
      /one of a string or an array/
    ],
    [CHAT, message({ role: 'user', content: '\ud800' }), 'messages[0].content', 'invalid_value', /surrogate/],
    [
      CHAT,
      chat({ messages: user([{ type: 'input_audio' }]) }),
      'messages[0].content[0].type',
      'invalid_value',
      /'text' and 'image_url'/
    ],
    [
      CHAT,
      chat({ messages: user([{ type: 'image_url', image_url: { url: 'http://x/y.png' } }]) }),
      'messages[0].content[0].image_url.url',
      'invalid_image_url',
      /fetched/
    ],
    [
      CHAT,
      message({ role: 'tool', content: 'a' }),
      'messages[0].tool_call_id',
      'missing_required_parameter',
      /Missing/
    ],
    [
      CHAT,
      message({ role: 'assistant', tool_calls: [{ id: 'a', function: { name: 'b', arguments: 1 } }] }),
      'messages[0].tool_calls[0].function.arguments',
      'invalid_type',
      /expected/
    ],
    [CHAT, chat({ temperature: 3 }), 'temperature', 'integer_above_max_value', /<= 2, but got 3/],
    [CHAT, chat({ temperature: 'hot' }), 'temperature', 'invalid_type', /a decimal, but got a string/],
    [CHAT, chat({ max_tokens: -2 }), 'max_tokens', 'integer_below_min_value', />= 1/],
    [
      CHAT,
      chat({ web_search_options: {} }),
      'web_search_options',
      'unsupported_parameter',
      /searches the web/
    ],
    [CHAT, chat({ n: 0 }), 'n', 'integer_below_min_value', />= 1/],
    [CHAT, chat({ max_tokens: 1.5 }), 'max_tokens', 'invalid_type', /an integer, but got a decimal/],
    [CHAT, chat({ stop: [1] }), 'stop[0]', 'invalid_type', /a string, but got an integer/],
    [CHAT, chat({ stream: 'yes' }), 'stream', 'invalid_type', /a boolean/],
    [CHAT, chat({ stream_options: { include_usage: true } }), 'stream_options', 'invalid_value', /stream/],
    [CHAT, chat({ top_logprobs: 2 }), 'top_logprobs', 'invalid_value', /logprobs/],
    [CHAT, chat({ tools: [{ type: 'retrieval' }] }), 'tools[0].type', 'invalid_value', /'function'/],
    [
      CHAT,
      chat({ tools: [{ type: 'function', function: { name: 'a b' } }] }),
      'tools[0].function.name',
      'invalid_value',
      /letters/
    ],
    [CHAT, chat({ tool_choice: 'required' }), 'tool_choice', 'invalid_value', /no tools to choose/],
    [
      CHAT,
      chat({
        tools: [{ type: 'function', function: { name: 'f' } }],
        tool_choice: { type: 'function', function: { name: 'g' } }
      }),
      'tool_choice',
      'invalid_value',
      /the tool g is not/
    ],
    [
      '/responses',
      { model: TALKER, input: 'a', tool_choice: { type: 'function', name: 'g' } },
      'tool_choice',
      'invalid_value',
      /no tools to choose/
    ],
    [
      CHAT,
      chat({ response_format: { type: 'xml' } }),
      'response_format.type',
      'invalid_value',
      /'json_schema'/
    ],
    [CHAT, chat({ logit_bias: { 5: 1 } }), 'logit_bias', 'unsupported_parameter', /not supported/],
    [CHAT, chat({ functions: [{ name: 'f' }] }), 'functions', 'unsupported_parameter', /Use 'tools' instead/],
    [CHAT, [], null, 'invalid_type', /JSON object/],
    [CHAT, '{"model":', null, null, /could not parse the JSON body/],
    [
      '/completions',
      { model: TALKER, prompt: 'a', echo: true },
      'echo',
      'unsupported_parameter',
      /not supported/
    ],
    [
      '/completions',
      { model: TALKER, prompt: 'a', suffix: 'b' },
      'suffix',
      'unsupported_parameter',
      /not supported/
    ],
    ['/completions', { model: TALKER, prompt: [1, 2] }, 'prompt[0]', 'unsupported_value', /token ids/],
    ['/embeddings', { model: EMBEDDER, input: [[1, 2]] }, 'input[0]', 'unsupported_value', /token ids/],
    ['/embeddings', { model: EMBEDDER, input: [] }, 'input', 'empty_array', /empty/],
    [
      '/embeddings',
      { model: EMBEDDER, input: 'a', encoding_format: 'int8' },
      'encoding_format',
      'invalid_value',
      /'float' and 'base64'/
    ],
    ['/rerank', { model: RANKER, query: 'a', documents: [5] }, 'documents[0]', 'invalid_type', /expected/],
    ['/responses', { model: TALKER }, 'input', 'missing_required_parameter', /Missing/],
    [
      '/responses',
      { model: TALKER, input: [{ role: 'user', content: [{ type: 'input_file' }] }] },
      'input[0].content[0].type',
      'invalid_value',
      /'input_text'/
    ],
    [
      '/responses',
      { model: TALKER, input: 'a', background: true, store: false },
      'background',
      'invalid_value',
      /needs 'store'/
    ]
  ])('for %s: %j', async (path, body, param, code, words) => {
    const before = devices.engine.requests.length
    const answer = await devices.ask(path, body)
    assert.equal(answer.status, 400, answer.text)
    const { message: said, ...error } = answer.body.error
    assert.deepEqual(error, { type: 'invalid_request_error', param, code })
    assert.match(said, words)
    assert.equal(devices.engine.requests.length, before)
  })

  it('that is to be kept by nobody and to go on without its client is refused', async () => {
    for (const [path, body] of [
      [CHAT, chat({ store: false })],
      ['/responses', { model: TALKER, input: 'a', store: false }]
    ] as const) {
      const headers = { 'x-lumos-durable': 'true' }
      const answer = await devices.ask(path, body, { headers })
      assert.deepEqual([answer.status, answer.body.error.param], [400, 'store'])
    }
  })

  it('is refused at once, however deep or long it is', async () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
    const head = `"model":"${TALKER}","messages":[{"role":"user","content":"a"}]`
    for (const levels of [100, 5_000, 100_000]) {
      const bodies = [
        `{${head},"tools":[{"type":"function","function":{"name":"f","parameters":${deep(levels)}}}]}`,
        `{${head},"response_format":{"type":"json_schema","json_schema":{"schema":${deep(levels)}}}}`,
        `{"model":"${TALKER}","messages":[{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":${deep(levels)}}}]}]}`,
        `{"model":"${TALKER}","messages":${'['.repeat(levels)}${']'.repeat(levels)}}`
      ]
      for (const body of bodies) {
        const { status, text } = await devices.ask(CHAT, body)
        assert.ok([200, 400].includes(status), text)
      }
    }
    const many = await devices.ask(CHAT, `{"model":"${TALKER}","messages":[${'1,'.repeat(50_000)}1]}`)
    assert.equal(many.body.error.code, 'array_above_max_length')
    const large = await devices.ask(
      '/completions',
      JSON.stringify({ model: TALKER, prompt: 'x'.repeat(4_200_000) })
    )
    assert.deepEqual([large.status, large.body.error.type], [413, 'invalid_request_error'])
    assert.deepEqual(devices.errors, [])
  })
})

describe('a schema', () => {
  const nested = (levels: number): object => (levels === 1 ? {} : { properties: nested(levels - 1) })
  const bodyWith = (schema: object) => ({
    ...chat({ tools: [{ type: 'function', function: { name: 'f', parameters: schema } }] }),
    response_format: { type: 'json_schema', json_schema: { schema } }
  })

  it('reaches another device as it is, however deep it may be nested here', async () => {
    const schema = nested(64)
    const { status, text } = await devices.ask(CHAT, bodyWith(schema))
    assert.equal(status, 200, text)
    const { params } = devices.engine.requests.at(-1)!
    expect(params).toMatchObject({ tools: [{ parameters: schema }], responseFormat: { schema } })
  })

  it('that is nested deeper is refused before a device is asked, with its place', async () => {
    const before = devices.engine.requests.length
    const { status, body } = await devices.ask(CHAT, bodyWith(nested(65)))
    assert.deepEqual([status, body.error.param], [400, 'tools[0].function.parameters'])
    assert.match(body.error.message, /nested more than 64 deep/)
    assert.equal(devices.engine.requests.length, before)
  })
})

describe('an answer without a bound', () => {
  it('is asked for by -1 too, also where nothing said means a few tokens', async () => {
    const asked = async (path: string, body: object) => {
      const { status, text } = await devices.ask(path, body)
      assert.equal(status, 200, text)
      return devices.engine.requests.at(-1)!.params.maxTokens
    }
    for (const max_tokens of [-1, null, undefined])
      assert.equal(await asked(CHAT, chat({ max_tokens })), undefined)
    assert.equal(await asked(CHAT, chat({ max_tokens: 5, max_completion_tokens: -1 })), 5)
    assert.equal(await asked('/responses', { model: TALKER, input: 'a', max_output_tokens: -1 }), undefined)
    const completion = { model: TALKER, prompt: 'a' }
    assert.equal(await asked('/completions', { ...completion, max_tokens: -1 }), undefined)
    for (const max_tokens of [null, undefined])
      assert.equal(await asked('/completions', { ...completion, max_tokens }), 16)
  })
})

describe('what is not there', () => {
  it('is said with the base URL where a program adds /v1 itself; a slash after the list is the list', async () => {
    const { body } = await devices.ask('/v1/chat/completions', {})
    assert.match(body.error.message, /adds \/v1 itself/)
    const { body: list } = await devices.ask('/models/')
    assert.equal(list.object, 'list')
  })

  it.each([
    ['/chat/completion', 404, 'unknown_url'],
    ['/v1/chat/completions', 404, 'unknown_url'],
    ['/audio/voices', 404, 'unknown_url'],
    ['/chat/completions', 405, 'method_not_supported', 'GET'],
    ['/models', 405, 'method_not_supported']
  ])('%s is refused with %d %s', async (path, status, code, method = 'POST') => {
    const answer = await devices.ask(path, method === 'GET' ? undefined : {})
    assert.deepEqual([answer.status, answer.body.error.code, answer.body.error.param], [status, code, null])
  })

  it('a model that no device has, or has for something else', async () => {
    for (const [path, model, code, words] of [
      [CHAT, 'org/walker:1b', 'model_not_found', /does not exist.*Closest: org\/talker:1b/],
      [CHAT, 'no such model', 'model_not_found', /does not exist/],
      [CHAT, EMBEDDER, null, /not supported in the v1\/chat\/completions endpoint/]
    ] as const) {
      const { status, body } = await devices.ask(path, { ...chat({}), model })
      assert.deepEqual([status, body.error.param, body.error.code], [404, 'model', code])
      assert.match(body.error.message, words)
    }
  })

  it('a context that is too small, with both numbers', async () => {
    const asked = devices.engine.requests.length
    const huge = await devices.ask(CHAT, chat({ max_tokens: 300_000 }))
    assert.deepEqual(
      [huge.status, huge.body.error.code, huge.body.error.param],
      [400, 'context_length_exceeded', 'max_tokens']
    )
    assert.match(huge.body.error.message, /maximum context length is 200000 tokens.* 300000 tokens/)
    assert.equal(devices.engine.requests.length, asked)
    for (const stream of [false, true]) {
      const { status, body } = await devices.ask(CHAT, chat({ messages: user('too long'), stream }))
      assert.deepEqual(
        [status, body.error.code, body.error.param],
        [400, 'context_length_exceeded', 'messages']
      )
      assert.match(
        body.error.message,
        /maximum context length is 64 tokens.*76 tokens \(60 in the messages, 16 in/
      )
    }
  })
})

describe('a failure', () => {
  it('before the first piece is a status, and after it an error without an end', async () => {
    const before = await devices.ask(CHAT, chat({ messages: user('a b fail after 0'), stream: true }))
    assert.deepEqual([before.status, before.body.error.code], [502, 'engine_failed'])
    for (const n of [1, 2]) {
      const { status, text } = await devices.ask(
        CHAT,
        chat({ messages: user(`a b fail after ${n}`), stream: true })
      )
      assert.equal(status, 200)
      assert.match(
        text,
        /data: {"error":{"message":".*","type":"server_error","param":null,"code":"stream_interrupted"}}\n\n$/
      )
      assert.ok(!text.includes('[DONE]') && !text.includes('"finish_reason":"stop"'))
      const client = new OpenAI({ baseURL: devices.baseURL, apiKey: devices.token, maxRetries: 0 })
      const stream = await client.chat.completions.create({
        ...{ model: TALKER, messages: [{ role: 'user', content: `a b fail after ${n}` }], stream: true }
      })
      await assert.rejects(Array.fromAsync(stream), APIError)
    }
    const whole = await devices.ask(CHAT, chat({ messages: user('a b fail after 1') }))
    assert.equal(whole.status, 502)
    assert.equal(whole.headers.get('x-should-retry'), 'false')
  })
})

describe('a caller', () => {
  it('without the token is refused in the same form, on every path of /v1', async () => {
    for (const path of ['/models', CHAT, '/nothing']) {
      const { status, body } = await devices.ask(path, path === CHAT ? {} : undefined, {
        headers: { authorization: 'Bearer sk-wrong' }
      })
      assert.deepEqual(
        [status, body.error.code, body.error.type],
        [401, 'invalid_api_key', 'invalid_request_error']
      )
    }
  })

  it('of a listed origin is let in by its browser, and of no other', async () => {
    const preflight = (origin: string, path = CHAT) =>
      devices.ask(path, undefined, {
        method: 'OPTIONS',
        headers: {
          ...{ origin, authorization: '', 'access-control-request-method': 'POST' },
          'access-control-request-headers': 'authorization,content-type,x-stainless-lang',
          'access-control-request-private-network': 'true'
        }
      })
    for (const origin of [PAGE, EXTENSION]) {
      const { status, headers } = await preflight(origin)
      assert.equal(status, 204)
      expect(Object.fromEntries(headers)).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-headers': 'authorization,content-type,x-stainless-lang',
        'access-control-allow-private-network': 'true',
        vary: 'origin'
      })
      const answer = await devices.ask('/models', undefined, { headers: { origin } })
      assert.deepEqual([answer.status, answer.headers.get('access-control-allow-origin')], [200, origin])
      assert.match(answer.headers.get('access-control-expose-headers')!, /x-lumos-peer/)
      const refused = await devices.ask('/models', undefined, { headers: { origin, authorization: '' } })
      assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, origin])
    }
    for (const origin of ['https://other.example', 'https://chat.example.evil', 'null']) {
      const { status, headers, body } = await preflight(origin)
      assert.deepEqual([status, headers.get('access-control-allow-origin')], [403, null])
      assert.match(body.error.message, /gateway\.origins/)
    }
    const elsewhere = await devices.ask('/../api/v2/units', undefined, { headers: { origin: PAGE } })
    assert.equal(elsewhere.status, 403)
  })
})
