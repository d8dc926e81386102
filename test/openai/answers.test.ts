/** Answers that outlive their clients, gateways and connections: read again by their ids, each chunk once. */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createParser } from 'eventsource-parser'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { chatChunks } from '../../gateway/openai/chat-stream.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { startNode as startProcess } from '../cli/started-node.ts'
import { knows, startNode, temporaryHome } from '../node/mesh-nodes.ts'
import { TALKER } from './scripted-engine.ts'
import { type Devices, startDevices } from './two-devices.ts'

let devices: Devices
let client: OpenAI
let api: string
beforeAll(async () => {
  devices = await startDevices()
  client = new OpenAI({ baseURL: devices.baseURL, apiKey: devices.token, maxRetries: 0 })
  api = devices.baseURL.replace(/\/v1$/, '/api/v2')
})
afterAll(() => devices[Symbol.asyncDispose]())

const asked = (content: string, max_tokens = 100_000) => ({
  ...{ model: TALKER, max_tokens, stream: true as const },
  messages: [{ role: 'user' as const, content }]
})

/** What is read of an answer, by its index, and how it ended. */
interface Read {
  readonly texts: readonly [index: number, text: string][]
  readonly sha256?: string | undefined
  readonly end: { readonly type: string; readonly code?: string }
}

async function attach(
  url: string,
  token: string,
  headers: Record<string, string> = {},
  least = Infinity
): Promise<Read> {
  const leave = new AbortController()
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    signal: leave.signal
  })
  const texts: [number, string][] = []
  if (response.status !== 200) {
    const { error } = (await response.json()) as { error: { code: string } }
    return { texts, end: { type: 'refused', code: error.code } }
  }
  let end: Read['end'] | undefined
  let sha256: string | undefined
  const parser = createParser({
    onEvent({ event = '', id, data }) {
      const value = JSON.parse(data)
      if (event !== 'item') end = { type: event, ...(value.error && { code: value.error.code }) }
      else if (value.type === 'delta') texts.push([Number(id), value.text])
      else if (value.type === 'done') sha256 = value.content_sha256
    }
  })
  const decoder = new TextDecoder()
  for await (const bytes of response.body!) {
    parser.feed(decoder.decode(bytes, { stream: true }))
    if (texts.length >= least) break
  }
  leave.abort()
  return { texts, sha256, end: end ?? { type: 'left' } }
}

const textOf = ({ texts }: Read) => texts.map(([, text]) => text).join('')
const indexes = ({ texts }: Read) => texts.map(([index]) => index)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Begins an answer and leaves it after some chunks. */
async function left(
  content: string,
  { durable, maxTokens, after = 3 }: { durable: boolean; maxTokens: number; after?: number }
) {
  const headers = { 'x-lumos-durable': String(durable) }
  const { data, response } = await client.chat.completions
    .create(asked(content, maxTokens), { headers })
    .withResponse()
  let count = 0
  for await (const _ of data) if (++count > after) break
  return response.headers.get('x-lumos-answer')!
}

const stateOf = async (id: string) => (await devices.ask(`/../api/v2/answers/${id}`)).body.data

describe('an answer', () => {
  it('that is durable goes on without its client, and is read from any chunk, each once', async () => {
    const id = await left('a b c forever', { durable: true, maxTokens: 60 })
    const first = await attach(`${api}/answers/${id}/stream`, devices.token, {}, 10)
    const seen = indexes(first)
    assert.deepEqual(seen, range(0, seen.length))
    const rest = await attach(`${api}/answers/${id}/stream`, devices.token, {
      'last-event-id': String(seen.at(-1))
    })
    assert.deepEqual(indexes(rest), range(seen.length, 60))
    assert.equal(
      textOf(first) + textOf(rest),
      'a b c forever'
        .repeat(60)
        .match(/\S+?(?:\s|(?=a))|\S+$/g)!
        .slice(0, 60)
        .join('')
    )
    assert.equal(rest.end.type, 'end')
    assert.equal(
      rest.sha256,
      createHash('sha256')
        .update(textOf(first) + textOf(rest))
        .digest('hex')
    )
    // When it has ended it is read from the disk.
    await vi.waitFor(async () => assert.equal((await stateOf(id)).state, 'done'), 20_000)
    const again = await attach(`${api}/answers/${id}/stream?from=58`, devices.token)
    assert.deepEqual(indexes(again), [58, 59])
    expect(await stateOf(id)).toMatchObject({
      state: 'done',
      chunks: 61,
      task: 'text-generation',
      model: TALKER
    })
  })

  it('that is not durable ends with its client, and what has come stays', async () => {
    const id = await left('on forever', { durable: false, maxTokens: 100_000 })
    await vi.waitFor(() => assert.equal(devices.engine.running, 0), 20_000)
    const read = await attach(`${api}/answers/${id}/stream`, devices.token)
    assert.ok(read.texts.length >= 3)
    assert.deepEqual(read.end, { type: 'error', code: 'CANCELLED' })
    assert.equal((await stateOf(id)).state, 'cancelled')
  })

  it('is cancelled by its id, wherever it is read', async () => {
    const id = await left('on forever', { durable: true, maxTokens: 100_000 })
    const reading = attach(`${api}/answers/${id}/stream`, devices.token)
    await vi.waitFor(async () => assert.ok((await stateOf(id)).chunks > 5), 20_000)
    const { body } = await devices.ask(`/../api/v2/answers/${id}`, undefined, { method: 'DELETE' })
    assert.equal(body.data.state, 'cancelled')
    assert.deepEqual((await reading).end, { type: 'error', code: 'CANCELLED' })
    await vi.waitFor(() => assert.equal(devices.engine.running, 0), 20_000)
  })

  it('is not found by another id, and not read from beyond its end', async () => {
    const id = await left('a b', { durable: true, maxTokens: 4 })
    await vi.waitFor(async () => assert.equal((await stateOf(id)).state, 'done'), 20_000)
    const other = `${'0'.repeat(32)}${id.slice(32)}`
    const stranger = `${id.slice(0, 32)}-${'1'.repeat(12)}`
    const wrong = async (path: string, headers = {}) =>
      (await attach(`${api}/answers/${path}`, devices.token, headers)).end.code
    assert.equal(await wrong(`${other}/stream`), 'ANSWER_UNKNOWN')
    assert.equal(await wrong(`${stranger}/stream`), 'ANSWER_UNKNOWN')
    assert.equal(await wrong(`${'../'.repeat(9)}etc/stream`), 'ROUTE_NOT_FOUND')
    for (const bad of ['a-b', `${id}.1234`, `${id}%00`])
      assert.equal(await wrong(`${bad}/stream`), 'INVALID_INPUT')
    assert.equal(await wrong('%2e%2e%2f/stream'), 'DENIED')
    for (const from of ['-1', '1e9', '99999999999', 'x'])
      assert.equal(await wrong(`${id}/stream?from=${from}`), 'INVALID_INPUT')
    assert.equal(await wrong(`${id}/stream`, { 'last-event-id': 'x' }), 'INVALID_INPUT')
    assert.equal(await wrong(`${id}/stream?from=4000000000`), 'INVALID_INPUT')
    assert.equal(
      (await devices.ask(`/../api/v2/answers/${other}`, undefined, { method: 'DELETE' })).status,
      404
    )
  })

  it('is encrypted on disk, and its id is in no name of a file', async () => {
    const id = await left('sesame sesame', { durable: true, maxTokens: 2 })
    await vi.waitFor(async () => assert.equal((await stateOf(id)).state, 'done'), 20_000)
    const { readFile } = await import('node:fs/promises')
    for (const { home } of [devices.asking, devices.answering]) {
      const names = await readdir(join(home.path, 'answers'))
      assert.ok(names.length > 0)
      for (const name of names) {
        assert.ok(!name.includes(id.slice(0, 8)))
        const content = await readFile(join(home.path, 'answers', name))
        assert.ok(!content.includes('sesame') && !content.includes(id.slice(0, 32)))
      }
    }
  })

  it('is read on another member device: of the one that asked, and of the one that answered', async () => {
    const id = await left('a b c', { durable: true, maxTokens: 3 })
    await vi.waitFor(async () => assert.equal((await stateOf(id)).state, 'done'), 20_000)
    await using phone = await startNode('phone', [devices.answering])
    await knows(phone, devices.answering)
    const read = (peer?: string) => Array.fromAsync(phone.answers.read(id, { from: 1, peer }))
    const texts = (chunks: InferenceChunk[]) =>
      chunks.map(chunk => ('text' in chunk ? chunk.text : chunk.type))
    assert.deepEqual(texts(await read('attic')), ['b ', 'c', 'done'])
    await vi.waitFor(async () => assert.deepEqual(texts(await read()), ['b ', 'c', 'done']), {
      timeout: 5000
    })
    await using visitor = await startNode('visitor', [devices.answering], { role: 'guest' })
    await vi.waitFor(() => assert.ok(visitor.peers().length > 0), 20_000)
    await assert.rejects(Array.fromAsync(visitor.answers.read(id, { peer: 'attic' })))
  })
})

describe('a response', () => {
  it('is deleted on the device that answered too, which keeps none that is not to be stored', async () => {
    const { asking, answering } = devices
    const kept = async () => (await readdir(join(answering.home.path, 'answers'))).toSorted()
    const before = await kept()
    const made = await client.responses.create({ model: TALKER, input: 'a b c' })
    await vi.waitFor(async () => assert.equal((await kept()).length, before.length + 1), 20_000)
    const id = (await asking.answers.list())[0]!.id
    assert.equal((await asking.answers.show(id, { peer: answering.peerId })).info.state, 'done')
    await client.responses.delete(made.id)
    assert.deepEqual(await kept(), before)
    await assert.rejects(asking.answers.show(id, { peer: answering.peerId }), { code: 'ANSWER_UNKNOWN' })

    await client.responses.create({ model: TALKER, input: 'a b c', store: false })
    const messages = [{ role: 'user' as const, content: 'a b c' }]
    const chat = { model: TALKER, messages, store: false }
    const { response: whole } = await client.chat.completions.create(chat).withResponse()
    const { data, response } = await client.chat.completions.create({ ...chat, stream: true }).withResponse()
    await Array.fromAsync(data)
    assert.deepEqual(
      [whole, response].map(({ headers }) => headers.get('x-lumos-answer')),
      [null, null]
    )
    const stored = await client.responses.create({ model: TALKER, input: 'a b c' })
    await vi.waitFor(async () => assert.equal((await kept()).length, before.length + 1), 20_000)
    await client.responses.delete(stored.id)
  })

  it('carries receipts where they are asked for, and how it went on where it was cut', async () => {
    const headers = { 'x-lumos-receipt': 'true' }
    const question = { model: TALKER, messages: [{ role: 'user' as const, content: 'a b c' }] }
    const receiptsOf = (holder: object) => (holder as { lumos?: { receipts: string[] } }).lumos?.receipts
    const whole = await client.chat.completions.create(question, { headers })
    const streamed = await Array.fromAsync(
      await client.chat.completions.create({ ...question, stream: true }, { headers })
    )
    const response = await client.responses.create(
      { model: TALKER, input: 'a b c', store: false },
      { headers }
    )
    const completion = await client.completions.create({ model: TALKER, prompt: 'a b c' }, { headers })
    for (const holder of [
      whole.choices[0]!,
      streamed.at(-1)!.choices[0]!,
      response,
      completion.choices[0]!
    ]) {
      const { ok, receipts } = await devices.answering.answers.verify(receiptsOf(holder)!)
      expect({ ok, by: receipts[0]!.peerId }).toEqual({ ok: true, by: devices.answering.peerId })
    }
    expect(receiptsOf((await client.chat.completions.create(question)).choices[0]!)).toBeUndefined()

    async function* cut() {
      const done = { index: 1, finish_reason: 'stop', usage: {}, continued: 'prefill' } as const
      yield { choice: 0, piece: { type: 'done', ...done } as const }
    }
    const head = {
      id: 'chatcmpl-1',
      created: 1,
      model: 'm',
      choices: 1,
      withUsage: false,
      withLogprobs: false
    }
    const [first = ''] = await Array.fromAsync(chatChunks(cut(), head))
    expect(first).toContain('"finish_reason":"stop","lumos":{"continued":"prefill"}')
  })

  it('in the background is made without a client, followed later, and gone on from', async () => {
    const { id, status } = await client.responses.create({
      ...{ model: TALKER, input: 'a b c forever', max_output_tokens: 40 },
      background: true
    })
    assert.equal(status, 'in_progress')
    const events = await Array.fromAsync(await client.responses.retrieve(id, { stream: true }))
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      range(0, events.length)
    )
    const last = events.at(-1)!
    assert.ok(last.type === 'response.incomplete')
    const rest = await Array.fromAsync(
      await client.responses.retrieve(id, { stream: true, starting_after: 7 })
    )
    assert.deepEqual(rest, events.slice(8))
    await assert.rejects(
      client.responses.retrieve(id, { stream: true, starting_after: -1 }),
      OpenAI.BadRequestError
    )
    const whole = await client.responses.retrieve(id)
    assert.deepEqual(whole.output, last.response.output)
    const next = await client.responses.create({ model: TALKER, input: 'and?', previous_response_id: id })
    assert.equal(next.output_text, 'and?')
    expect(devices.engine.requests.at(-1)!.input).toMatchObject({
      messages: [
        { role: 'user' },
        { role: 'assistant', content: whole.output_text },
        { role: 'user', content: 'and?' }
      ]
    })
  })

  it('in the background is cancelled, and fails with its reason', async () => {
    const { id } = await client.responses.create({ model: TALKER, input: 'on forever', background: true })
    await vi.waitFor(() => assert.equal(devices.engine.running, 1), 20_000)
    assert.equal((await client.responses.cancel(id)).status, 'cancelled')
    await vi.waitFor(() => assert.equal(devices.engine.running, 0), 20_000)
    const failing = await client.responses.create({
      model: TALKER,
      input: 'a fail after 1',
      background: true
    })
    await vi.waitFor(async () => {
      const { status, error } = await client.responses.retrieve(failing.id)
      assert.deepEqual([status, error?.code], ['failed', 'stream_interrupted'])
    }, 20_000)
  })
})

describe('a device that keeps no answers', () => {
  it('says of none that it is kept, and refuses those that are to go on without their clients', async () => {
    await using none = await startDevices({ keep: 0 })
    const client = new OpenAI({ baseURL: none.baseURL, apiKey: none.token, maxRetries: 0 })
    const question = { model: TALKER, messages: [{ role: 'user' as const, content: 'a b' }] }
    for (const stream of [true, false]) {
      const { response } = await client.chat.completions.create({ ...question, stream }).withResponse()
      assert.equal(response.headers.get('x-lumos-answer'), null)
      await response.body?.cancel().catch(() => {})
    }
    const headers = { 'x-lumos-durable': 'true' }
    await assert.rejects(
      client.chat.completions.create({ ...question, stream: true }, { headers }),
      /answers\.keep/
    )
    await assert.rejects(
      client.responses.create({ model: TALKER, input: 'on forever', background: true }),
      /answers\.keep/
    )
    const { response } = await client.responses.create({ model: TALKER, input: 'a b' }).withResponse()
    assert.equal(response.headers.get('x-lumos-answer'), null)
    const streamed = await fetch(`${none.baseURL.replace(/\/v1$/, '/api/v2')}/stream`, {
      ...{
        method: 'POST',
        headers: { authorization: `Bearer ${none.token}`, 'content-type': 'application/json' }
      },
      body: JSON.stringify({ unit: 'inference.chat', input: question })
    })
    assert.equal(streamed.headers.get('x-lumos-answer'), null)
    assert.match(await streamed.text(), /event: end/)
  })
})

describe('a gateway whose process is killed', () => {
  it('gives the whole answer after it has started again, each chunk once', { timeout: 120_000 }, async () => {
    const home = await temporaryHome()
    {
      await using member = await startNode('laptop', [devices.answering], { home })
      await knows(member, devices.answering)
    }
    const address = devices.answering.status().addresses[0]!
    const start = () => startProcess(home, ['--peer', address])
    const token = async () =>
      (await (await import('node:fs/promises')).readFile(join(home, 'gateway.token'), 'utf8')).trim()
    const before = await start()
    const chat = new OpenAI({ baseURL: `${before.ready.gateway}/v1`, apiKey: await token(), maxRetries: 0 })
    await vi.waitFor(
      async () => assert.ok((await chat.models.list()).data.some(model => model.id === TALKER)),
      {
        timeout: 10_000,
        interval: 50
      }
    )
    const { data, response } = await chat.chat.completions.create(asked('a b c forever', 300)).withResponse()
    const id = response.headers.get('x-lumos-answer')!
    let came = 0
    await assert.rejects(async () => {
      for await (const _ of data) if (++came === 40) before.child.kill('SIGKILL')
    })
    await before.exited
    await using after = await start()
    const read = await attach(`${after.ready.gateway}/api/v2/answers/${id}/stream?from=20`, await token())
    assert.deepEqual(read.end, { type: 'end' })
    assert.deepEqual(indexes(read), range(20, 300))
    assert.deepEqual(
      textOf(read),
      'a b c forever'
        .repeat(100)
        .match(/a |b |c |forever/g)!
        .slice(20, 300)
        .join('')
    )
  })
})
