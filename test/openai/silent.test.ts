/** A model that is silent for long, before its first word and between two: clients and what lies between wait on. */

import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { afterAll, beforeAll, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { TALKER } from './scripted-engine.ts'
import { type Devices, startDevices } from './two-devices.ts'

/** The gateway's clock runs so many times as fast. */
const FASTER = 50
/** On that clock 25 seconds, before each word. */
const SILENT = `silent ${25_000 / FASTER}`

let devices: Devices
beforeAll(async () => {
  const setTimer = (task: () => void, delayMs: number) => systemClock.setTimer(task, delayMs / FASTER)
  devices = await startDevices({ clock: { ...systemClock, setTimer } })
})
afterAll(() => devices[Symbol.asyncDispose]())

const asked = { model: TALKER, messages: [{ role: 'user' as const, content: SILENT }], stream: true as const }

it('is given time by the client of OpenAI, which gets all of its words', async () => {
  const client = new OpenAI({ baseURL: devices.baseURL, apiKey: devices.token, maxRetries: 0 })
  let text = ''
  for await (const { choices } of await client.chat.completions.create(asked)) {
    text += choices[0]?.delta.content ?? ''
  }
  assert.equal(text, SILENT)
})

it('has comments in its stream after each ten seconds, which end no event and have no id', async () => {
  for (const [path, body] of [
    ['/chat/completions', asked],
    ['/completions', { model: TALKER, prompt: SILENT, stream: true }],
    ['/responses', { model: TALKER, input: SILENT, stream: true }]
  ] as const) {
    const { status, headers, text } = await devices.ask(path, body)
    assert.equal(status, 200)
    // The stream began before any device had said a word.
    assert.equal(headers.get('x-lumos-peer'), null)
    const lines = text.split('\n')
    const comments = lines.flatMap((line, at) => (line.startsWith(':') ? [lines[at + 1]!] : []))
    assert.ok(comments.length >= 3, `${comments.length} comments in ${path}`)
    assert.ok(comments.every(next => /^(data|event|:)/.test(next)))
    assert.ok(!lines.some(line => line.startsWith('id:')))
  }
})
