/** What is refused, in Anthropic's form; and what a page, a program without the token and a hostile body get. */

import assert from 'node:assert/strict'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { TALKER } from '../openai/scripted-engine.ts'
import { type Devices, startDevices } from '../openai/two-devices.ts'

const PAGE = 'https://chat.example'
let devices: Devices
beforeAll(async () => {
  devices = await startDevices({ origins: [PAGE] })
})
afterAll(() => devices[Symbol.asyncDispose]())

const MESSAGES = '/messages'
const message = (more: object) => ({
  ...{ model: TALKER, max_tokens: 9, messages: [{ role: 'user', content: 'a' }] },
  ...more
})
const user = (...content: object[]) => message({ messages: [{ role: 'user', content }] })
const assistant = (...content: object[]) => message({ messages: [{ role: 'assistant', content }] })
const picture = (source: object) => user({ type: 'image', source })

it.each<[words: RegExp, body: unknown]>([
  [/Missing required parameter: 'max_tokens'/, message({ max_tokens: undefined })],
  [/'max_tokens'.*>= 1/, message({ max_tokens: 0 })],
  [/Missing required parameter: 'model'/, message({ model: undefined })],
  [/'messages': empty array/, message({ messages: [] })],
  [/'wizard'.*'user'/, message({ messages: [{ role: 'wizard', content: 'a' }] })],
  [/'messages\[0\]\.content'/, message({ messages: [{ role: 'user' }] })],
  [/'system'/, message({ system: 7 })],
  [/'temperature'/, message({ temperature: 3 })],
  [/'stop_sequences\[0\]'/, message({ stop_sequences: [''] })],
  [
    /'tools\[0\]\.type'.*input_schema/,
    message({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] })
  ],
  [
    /'mcp_servers'.*Connect to them in the client/,
    message({ mcp_servers: [{ type: 'url', url: 'https://x' }] })
  ],
  [/'tools\[0\]\.input_schema'/, message({ tools: [{ name: 'f' }] })],
  [/'tool_choice': there are no tools/, message({ tool_choice: { type: 'any' } })],
  [
    /the tool g is not/,
    message({ tools: [{ name: 'f', input_schema: {} }], tool_choice: { type: 'tool', name: 'g' } })
  ],
  [/'some'.*'any'/, message({ tool_choice: { type: 'some' } })],
  [/no picture is fetched from a URL/, picture({ type: 'url', url: 'http://127.0.0.1:9/x.png' })],
  [/base64/, picture({ type: 'base64', media_type: 'image/png', data: '\u0000' })],
  [
    /messages\[0\]\.content\[0\]\.source\.data/,
    picture({ type: 'base64', media_type: 'image/png', data: 5 })
  ],
  [/no files are kept here/, picture({ type: 'file', file_id: 'x' })],
  [/no PDF is read here/, user({ type: 'document', source: { type: 'base64', data: 'AAAA' } })],
  [/tool_use_id/, user({ type: 'tool_result' })],
  [/'server_tool_use'.*'tool_result'/, user({ type: 'server_tool_use' })],
  [/input/, assistant({ type: 'tool_use', id: 'a', name: 'b', input: 'x'.repeat(2 ** 21) })],
  [/JSON object/, []],
  [/could not parse the JSON body/, '{"model":']
])('a body is refused with its place: %s', async (words, body) => {
  const before = devices.engine.requests.length
  const { status, body: said, headers, text } = await devices.ask(MESSAGES, body)
  assert.equal(status, 400, text)
  assert.deepEqual([said.type, said.error.type], ['error', 'invalid_request_error'])
  assert.match(said.error.message, words)
  assert.equal(said.request_id, headers.get('request-id'))
  assert.equal(devices.engine.requests.length, before)
})

it('a body is refused at once, however deep or long it is', async () => {
  const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  const head = `"model":"${TALKER}","max_tokens":9`
  for (const levels of [100, 5_000, 100_000]) {
    for (const body of [
      `{${head},"messages":[{"role":"user","content":"a"}],"tools":[{"name":"f","input_schema":${deep(levels)}}]}`,
      `{${head},"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"c","name":"f","input":${deep(levels)}}]}]}`,
      `{${head},"messages":${'['.repeat(levels)}${']'.repeat(levels)}}`
    ]) {
      for (const path of [MESSAGES, '/messages/count_tokens']) {
        const { status, text } = await devices.ask(path, body)
        assert.ok([200, 400].includes(status), text)
      }
    }
  }
  const large = await devices.ask(MESSAGES, 'x'.repeat(41 * 2 ** 20))
  assert.deepEqual([large.status, large.body.error.type], [413, 'request_too_large'])
  assert.deepEqual(devices.errors, [])
})

describe('a path', () => {
  it.each([
    [MESSAGES, 405, 'GET'],
    ['/messages/batches', 404, 'POST'],
    ['/v1/messages', 404, 'POST']
  ])('%s is refused with %d', async (path, status, method) => {
    const headers = { 'anthropic-version': '2023-06-01' }
    const answer = await devices.ask(path, method === 'GET' ? undefined : {}, { headers })
    assert.deepEqual([answer.status, answer.body.type], [status, 'error'])
  })

  it('that both protocols have is answered in that of the header', async () => {
    const theirs = await devices.ask('/models', undefined, { headers: { 'anthropic-version': '2023-06-01' } })
    assert.equal(theirs.body.data[0].type, 'model')
    const { body } = await devices.ask('/models')
    assert.equal(body.object, 'list')
  })
})

describe('a caller', () => {
  const headers = { authorization: '' }

  it('shows the token as x-api-key, or is refused in the same form', async () => {
    const { token } = devices
    const asked = { headers: { 'x-api-key': token }, method: 'POST', body: JSON.stringify(message({})) }
    const url = `${devices.baseURL}${MESSAGES}`
    const json = { 'content-type': 'application/json' }
    const let_in = await fetch(url, { ...asked, headers: { ...asked.headers, ...json } })
    assert.equal(let_in.status, 200)
    for (const key of [`${token}x`, '', 'Bearer ', `${token}, ${token}`]) {
      const refused = await fetch(url, { ...asked, headers: { 'x-api-key': key, ...json } })
      const { type, error } = (await refused.json()) as { type: string; error: { type: string } }
      assert.deepEqual([refused.status, type, error.type], [401, 'error', 'authentication_error'])
    }
    const typeless = await fetch(url, {
      ...asked,
      body: 'x',
      headers: { ...asked.headers, 'content-type': 'text/plain' }
    })
    assert.equal(typeless.status, 415)
  })

  it('that is a page of another origin is refused, and that of a listed one needs the token', async () => {
    const from = (origin: string) => devices.ask(MESSAGES, message({}), { headers: { ...headers, origin } })
    const foreign = await from('https://evil.example')
    assert.deepEqual([foreign.status, foreign.body.error.type], [403, 'permission_error'])
    const listed = await from(PAGE)
    assert.deepEqual([listed.status, listed.headers.get('access-control-allow-origin')], [401, PAGE])
  })
})
