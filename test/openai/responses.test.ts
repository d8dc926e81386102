import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Piece } from '../../gateway/asking/pieces.ts'
import { Events, type Head } from '../../gateway/openai/responses/events.ts'
import { ResponseOutput } from '../../gateway/openai/responses/output.ts'
import { TALKER } from './scripted-engine.ts'
import { type Devices, startDevices } from './two-devices.ts'

let devices: Devices
let client: OpenAI

beforeAll(async () => {
  devices = await startDevices()
  client = new OpenAI({ baseURL: devices.baseURL, apiKey: devices.token, maxRetries: 0 })
})
afterAll(() => devices[Symbol.asyncDispose]())

const WEATHER = {
  type: 'function' as const,
  name: 'weather',
  strict: true,
  parameters: { type: 'object', properties: { city: { type: 'string' } } }
}

describe('responses', () => {
  it('answer with text, and go on from one that was given', async () => {
    const first = await client.responses.create({
      model: TALKER,
      input: 'my name is Ada',
      instructions: 'Be brief.'
    })
    assert.equal(first.output_text, 'my name is Ada')
    assert.equal(first.status, 'completed')
    expect(first.usage).toMatchObject({ input_tokens: 4, output_tokens: 4, total_tokens: 8 })
    await client.responses.create({ model: TALKER, input: 'and?', previous_response_id: first.id })
    expect(devices.engine.requests.at(-1)!.input).toEqual({
      messages: [
        { role: 'user', content: 'my name is Ada' },
        { role: 'assistant', content: 'my name is Ada' },
        { role: 'user', content: 'and?' }
      ]
    })
    assert.equal((await client.responses.retrieve(first.id)).output_text, 'my name is Ada')
    await client.responses.delete(first.id)
    await assert.rejects(client.responses.retrieve(first.id), { status: 404 })
    await assert.rejects(
      client.responses.create({ model: TALKER, input: 'x', previous_response_id: first.id }),
      {
        status: 400,
        code: 'previous_response_not_found',
        param: 'previous_response_id'
      }
    )
    const unkept = await client.responses.create({ model: TALKER, input: 'x', store: false })
    await assert.rejects(client.responses.retrieve(unkept.id), { status: 404 })
  })

  it('say where they wait for their turn, as comments, which take no number', async () => {
    async function* pieces(): AsyncGenerator<Piece> {
      const queue = { place: 2, of: 3, wait_ms: 4000 }
      yield { type: 'progress', index: 0, stage: 'queued', done: 0, queue }
      yield { type: 'done', index: 0, finish_reason: 'stop', usage: {} }
    }
    const events = new Events({ id: 'resp_1' } as Head, new ResponseOutput('r'))
    const texts = await Array.fromAsync(events.of(pieces(), () => ({ status: 'completed' })))
    assert.equal(texts[0], ': queued: 2nd of 3, about 4 s\n')
    assert.match(
      texts[1]!,
      /^event: response\.created\ndata: \{"type":"response\.created","sequence_number":0/
    )
  })

  it('are streamed as events in their order, numbered', async () => {
    const stream = await client.responses.create({ model: TALKER, input: 'think twice', stream: true })
    const events = await Array.fromAsync(stream)
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      [...events.keys()]
    )
    assert.deepEqual(
      events.map(({ type }) => type.replace('response.', '')),
      [
        ...['created', 'in_progress', 'output_item.added', 'content_part.added', 'reasoning_text.delta'],
        ...['reasoning_text.done', 'content_part.done', 'output_item.done'],
        ...['output_item.added', 'content_part.added', 'output_text.delta', 'output_text.delta'],
        ...['output_text.done', 'content_part.done', 'output_item.done', 'completed']
      ]
    )
    const last = events.at(-1)!
    assert.ok(last.type === 'response.completed')
    expect(last.response.output).toMatchObject([
      { type: 'reasoning', content: [{ type: 'reasoning_text', text: 'Let me see. ' }] },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'think twice' }] }
    ])
    const helper = client.responses.stream({ model: TALKER, input: 'a b' })
    assert.equal((await helper.finalResponse()).output_text, 'a b')
  })

  it('call tools, and take what came of them', async () => {
    const asked = { model: TALKER, input: 'weather?', tools: [WEATHER] }
    const answer = await client.responses.create(asked)
    const calls = ['Bern', 'Oslo'].map((city, i) => ({
      ...{ type: 'function_call', call_id: `c-${i}`, name: 'weather', status: 'completed' },
      arguments: `{"city":"${city}"}`
    }))
    expect(answer.output).toMatchObject(calls)
    const events = await Array.fromAsync(await client.responses.create({ ...asked, stream: true }))
    assert.deepEqual(
      events
        .filter(({ type }) => type === 'response.output_item.added')
        .map(event => 'output_index' in event && event.output_index),
      [0, 1]
    )
    const done = events.filter(({ type }) => type === 'response.function_call_arguments.done')
    assert.deepEqual(
      done.map(event => 'arguments' in event && event.arguments),
      calls.map(call => call.arguments)
    )
    const turn = await client.responses.create({
      ...{ model: TALKER, previous_response_id: answer.id },
      input: [0, 1].map(i => ({ type: 'function_call_output' as const, call_id: `c-${i}`, output: `${i}` }))
    })
    assert.equal(turn.output_text, '2 results: 1')
    expect(devices.engine.requests.at(-1)!.input).toMatchObject({
      messages: [{ role: 'user' }, { role: 'assistant', calls: [{ id: 'c-0' }, { id: 'c-1' }] }, {}, {}]
    })
  })

  it('that are cut say so, and that fail end as failed', async () => {
    const cut = await client.responses.create({ model: TALKER, input: 'a b c', max_output_tokens: 1 })
    assert.deepEqual([cut.status, cut.incomplete_details], ['incomplete', { reason: 'max_output_tokens' }])
    const { text } = await devices.ask('/responses', {
      model: TALKER,
      input: 'a b c fail after 2',
      stream: true
    })
    assert.match(text, /event: response\.failed\ndata: .*"status":"failed".*\n\n$/)
    assert.match(text, /event: error\ndata: .*"code":"stream_interrupted"/)
    assert.ok(!text.includes('response.completed'))
  })

  it('hold log-probabilities where those are included', async () => {
    const include = ['message.output_text.logprobs' as const, 'reasoning.encrypted_content' as const]
    const { output } = await client.responses.create({ model: TALKER, input: 'a b', include })
    expect(output).toMatchObject([{ content: [{ logprobs: [{ token: 'a ' }, { token: 'b' }] }] }])
  })

  it('come in the form of a schema', async () => {
    await client.responses.create({
      ...{ model: TALKER, input: 'Bern' },
      text: { format: { type: 'json_schema', name: 'w', schema: WEATHER.parameters, strict: true } }
    })
    expect(devices.engine.requests.at(-1)!.params).toMatchObject({
      responseFormat: { type: 'json_schema', schema: WEATHER.parameters }
    })
  })
})
