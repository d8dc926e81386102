/** A client that leaves ends the work of the other device, at once, wherever it is. */

import assert from 'node:assert/strict'
import { connect } from 'node:net'
import OpenAI from 'openai'
import { afterAll, beforeAll, it, vi } from 'vitest'
import { TALKER } from './scripted-engine.ts'
import { type Devices, startDevices } from './two-devices.ts'

/** Of each way to leave. */
const ROUNDS = 100
/** For a machine that is busy with other things: how little work is done meanwhile is counted in words. */
const FREE_WITHIN_MS = 20_000

let devices: Devices
let client: OpenAI
beforeAll(async () => {
  devices = await startDevices()
  client = new OpenAI({ baseURL: devices.baseURL, apiKey: devices.token, maxRetries: 0 })
})
afterAll(() => devices[Symbol.asyncDispose]())

const asked = (content: string) => ({
  ...{ model: TALKER, max_tokens: 100_000, stream: true as const },
  messages: [{ role: 'user' as const, content }]
})

const isFree = () =>
  vi.waitFor(() => assert.equal(devices.engine.running, 0), { timeout: FREE_WITHIN_MS, interval: 2 })

it(`by leaving the stream after some words, ${ROUNDS} times`, { timeout: 120_000 }, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    let left = round % 5
    for await (const _ of await client.chat.completions.create(asked('on forever'))) if (left-- === 0) break
    const words = devices.engine.words
    await isFree()
    // What was on its way when the client left, and a token.
    assert.ok(
      devices.engine.words - words <= 3,
      `${devices.engine.words - words} words after the client left`
    )
  }
  assert.ok(devices.engine.outcomes.every(outcome => outcome === 'left'))
})

it('before the first word, and while an answer is made whole', { timeout: 60_000 }, async () => {
  for (const stream of [true, false]) {
    for (let round = 0; round < 10; round++) {
      const leave = new AbortController()
      const begun = devices.engine.outcomes.length
      const answer = client.chat.completions.create({ ...asked('wait'), stream } as never, {
        signal: leave.signal
      })
      answer.catch(() => {})
      await vi.waitFor(() => assert.ok(devices.engine.outcomes.length > begun), {
        timeout: FREE_WITHIN_MS,
        interval: 2
      })
      leave.abort()
      await assert.rejects(answer)
      await isFree()
    }
  }
})

it('by a connection that is reset', async () => {
  const { port } = new URL(devices.baseURL)
  const body = JSON.stringify(asked('on forever'))
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => {})
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${devices.token}\r\n` +
      `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
  await new Promise(resolve => socket.once('data', resolve))
  socket.resetAndDestroy()
  await isFree()
})

it('and the next answer is as that of a fresh node', async () => {
  const { choices } = await client.chat.completions.create({ ...asked('a b'), stream: false })
  assert.equal(choices[0]!.message.content, 'a b')
})
