/** What programs ask before their first word, and what becomes of an answer or a pull whose other end is lost. */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Ollama } from 'ollama'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TALKER } from '../openai/scripted-engine.ts'
import { type Devices, startDevices } from '../openai/two-devices.ts'
import { FakeHub } from '../weights/fake-hub.ts'

/** Its third version, with no tensors and no facts. */
const GGUF = Buffer.concat([Buffer.from('GGUF'), Buffer.from([3]), Buffer.alloc(19)])

let devices: Devices
let hub: FakeHub
let client: Ollama
let url: string
let headers: Record<string, string>

beforeAll(async () => {
  hub = await FakeHub.start()
  devices = await startDevices({
    settings: { 'weights.origins.ollama': hub.url, 'weights.origins.hf': hub.url }
  })
  url = devices.gateway.url!
  headers = { authorization: `Bearer ${devices.token}`, 'content-type': 'application/json' }
  client = new Ollama({ host: url, headers })
})
afterAll(async () => {
  await devices[Symbol.asyncDispose]()
  await hub[Symbol.asyncDispose]()
})

// biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
async function ask(path: string, body?: object): Promise<any> {
  const method = body === undefined ? 'GET' : 'POST'
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) })
  })
  assert.equal(response.status, 200, path)
  return response.headers.get('content-type')?.startsWith('application/json')
    ? response.json()
    : response.text()
}

describe('the requests of', () => {
  it('VS Code: a version of at least 0.6.4, models with capabilities, and a chat by the protocol of OpenAI', async () => {
    const { version } = await ask('/api/version')
    const [major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)$/.exec(version)!.slice(1).map(Number) as number[]
    assert.ok(major! * 1e6 + minor! * 1e3 + patch! >= 6004)
    assert.equal((await fetch(`${url}/api/version`, { method: 'HEAD', headers })).status, 200)
    const { models } = await ask('/api/tags')
    const { model } = models.find(({ model }: { model: string }) => model === TALKER)
    const { model_info, capabilities } = await ask('/api/show', { model })
    const context = model_info[`${model_info['general.architecture']}.context_length`]
    assert.deepEqual([capabilities.includes('tools'), context], [true, 200_000])
    const chat = { model, messages: [{ role: 'user', content: 'hello' }], stream: true }
    assert.match(await ask('/v1/chat/completions', chat), /"content":"hello".*\[DONE\]/s)
  })

  it('Home Assistant: a chat with tools, a context and a keep_alive in seconds', async () => {
    const lines: string = await ask('/api/chat', {
      ...{ model: TALKER, stream: true, think: false, keep_alive: '-1s', options: { num_ctx: 8192 } },
      messages: [
        { role: 'system', content: 'You are a voice assistant.' },
        { role: 'user', content: 'Turn on the light', images: null }
      ],
      tools: [
        {
          type: 'function',
          function: { name: 'HassTurnOn', parameters: { type: 'object' }, description: '' }
        }
      ]
    })
    const all = lines
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.deepEqual(all[0].message.tool_calls[0].function.arguments, { city: 'Bern' })
    assert.equal(all.at(-1).done, true)
  })

  it('Open WebUI: lists and versions, over and over, of which no other device is asked anything', async () => {
    const before = devices.engine.requests.length
    const requests = devices.asking.status().requests
    for (let round = 0; round < 50; round++) {
      await Promise.all([ask('/api/tags'), ask('/api/ps'), ask('/api/version')])
    }
    assert.equal(devices.engine.requests.length, before)
    assert.deepEqual(devices.asking.status().requests, requests)
    assert.equal(devices.answering.status().requests.running, 0)
    const whole = await ask('/api/chat', {
      ...{
        model: TALKER,
        stream: false,
        options: { temperature: 0.7, stop: null },
        metadata: { chat_id: 'x' }
      },
      messages: [{ role: 'user', content: 'hello', files: [] }]
    })
    assert.equal(whole.message.content, 'hello')
  })

  it('a client without the token: a refusal in the words that it reads', async () => {
    for (const given of [{}, { authorization: 'Bearer wrong' }] as Record<string, string>[]) {
      const stranger = new Ollama({ host: url, headers: given })
      await assert.rejects(stranger.list(), { status_code: 401, error: /bearer token/ })
    }
    const page = await fetch(`${url}/api/tags`, { headers: { ...headers, origin: 'https://evil.example' } })
    assert.deepEqual([page.status, typeof ((await page.json()) as { error: unknown }).error], [403, 'string'])
    const unknown = await fetch(`${url}/api/nothing`, { headers })
    assert.deepEqual(await unknown.json(), { error: 'There is no GET /api/nothing.' })
  })
})

describe('a pull', () => {
  it('says how far it is, and the model can be deleted again', async () => {
    hub.put('model', Buffer.concat([GGUF, randomBytes(300_000 - GGUF.length)]))
    const parts = await Array.fromAsync(await client.pull({ model: 'tiny', stream: true }))
    assert.deepEqual([parts[0]!.status, parts.at(-1)!.status], ['pulling manifest', 'success'])
    const bytes = parts.filter(({ total }) => total !== undefined)
    expect(bytes.at(-1)).toMatchObject({ completed: 300_000, total: 300_000 })
    assert.match(bytes.at(-1)!.digest, /^sha256:[0-9a-f]{64}$/)
    assert.equal(devices.asking.weights.show('tiny').bytes, 300_000)
    await client.delete({ model: 'tiny:latest' })
    assert.deepEqual(devices.asking.weights.list(), [])
    await assert.rejects(client.delete({ model: 'tiny' }), {
      status_code: 404,
      error: /model 'tiny' not found/
    })
  })

  it('that fails says why, whole and as a stream', async () => {
    hub.twists.push({ status: 404 }, { status: 404 })
    hub.files.clear()
    await assert.rejects(client.pull({ model: 'gone' }), { status_code: 502 })
    const stream = await client.pull({ model: 'gone', stream: true })
    await assert.rejects(Array.fromAsync(stream), { message: /gone/ })
  })
})

describe('a device that is lost', () => {
  it('in mid-answer ends the stream with an error, which clients raise', async () => {
    const stream = await client.chat({
      ...{ model: TALKER, messages: [{ role: 'user', content: 'forever' }], stream: true }
    })
    let words = 0
    const read = async () => {
      for await (const { done } of stream) {
        assert.equal(done, false)
        if (++words === 3) void devices.answering.stop({ drainMs: 0 })
      }
    }
    await assert.rejects(read(), { name: 'Error' })
    assert.ok(words >= 3)
  })
})
