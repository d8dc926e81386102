/** What reads the bodies of `/v1`: its first line is the route. */

import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import { createApp } from '../../../gateway/app.ts'
import { Sessions } from '../../../gateway/sessions.ts'
import { systemClock } from '../../../interface/clock.ts'
import { InvalidInputError } from '../../../interface/errors.ts'
import { PERMISSIONS } from '../../../interface/units.ts'
import type { Target } from '../target.ts'
import { units } from './host.ts'

const nothing = () => {}
const app = createApp({
  units,
  aliases: { 'claude-*': 'a/b:c' },
  sessions: new Sessions(systemClock),
  clock: systemClock,
  log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
  closing: new AbortController().signal
})

const tool = {
  name: 'f',
  description: 'd',
  parameters: { type: 'object', properties: { a: { type: 'string' } } }
}
const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }
const image = 'data:image/png;base64,AAAA'
const SEEDS: readonly (readonly [path: string, body: object])[] = [
  [
    'chat/completions',
    {
      model: 'a/b:c',
      messages: [
        { role: 'developer', content: 'x' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'y' },
            { type: 'image_url', image_url: { url: image } }
          ]
        },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c', content: 'z' }
      ],
      ...{ tools: [{ type: 'function', function: tool }], tool_choice: 'auto', n: 2, stop: ['.'], seed: 1 },
      ...{ logprobs: true, top_logprobs: 2, response_format: { type: 'json_object' }, max_tokens: 3 }
    }
  ],
  ['completions', { model: 'a', prompt: ['x', 'y'], n: 1, logprobs: 1, temperature: 0.5 }],
  ['embeddings', { model: 'a', input: ['x'], encoding_format: 'base64', dimensions: 3 }],
  ['rerank', { model: 'a', query: 'x', documents: ['y', { text: 'z' }], top_n: 1 }],
  [
    'responses',
    {
      model: 'a',
      input: [
        { role: 'user', content: [{ type: 'input_text', text: 'x' }] },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c', output: 'y' }
      ],
      ...{ tools: [{ type: 'function', ...tool }], text: { format: { type: 'json_schema', schema: {} } } }
    }
  ],
  [
    'messages',
    {
      ...{
        model: 'claude-x',
        max_tokens: 9,
        system: [{ type: 'text', text: 'x' }],
        top_k: 2,
        temperature: 0.5
      },
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'y' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }
          ]
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'z', signature: '' },
            { type: 'tool_use', id: 'c', name: 'f', input: { a: 'b' } }
          ]
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', is_error: true, content: 'y' }] }
      ],
      ...{ stop_sequences: ['.'], thinking: { type: 'enabled' }, tool_choice: { type: 'tool', name: 'f' } },
      tools: [{ name: 'f', description: 'd', input_schema: tool.parameters }]
    }
  ],
  ['messages/count_tokens', { model: 'a', messages: [{ role: 'user', content: 'x' }] }]
]

/** Whether the body was taken, which is all that is asked here. */
async function body(bytes: Uint8Array): Promise<number> {
  const [path = '', ...rest] = Buffer.from(bytes).toString('latin1').split('\n')
  const url = new URL(`/v1/${encodeURI(path.toWellFormed())}`, 'http://127.0.0.1')
  if (!url.pathname.startsWith('/v1/')) throw new InvalidInputError('This is a path of others.')
  const incoming = Object.assign(Readable.from([Buffer.from(rest.join('\n'), 'latin1')]), {
    ...{ headers: {}, complete: true, url: url.pathname }
  })
  const outgoing = Object.assign(new EventEmitter(), { writableFinished: true, req: incoming })
  const caller = { origin: 'local', permissions: PERMISSIONS } as const
  const answer = await app.fetch(new Request(url, { method: 'POST' }), {
    incoming,
    outgoing,
    caller
  } as never)
  const text = await answer.text()
  const { error, request_id } = JSON.parse(text)
  // There is no node to ask.
  if (error.code === 'no_provider' || error.type === 'overloaded_error') return answer.status
  assert.ok(answer.status >= 400 && answer.status < 500, text)
  const fields = request_id === undefined ? ['message', 'type', 'param', 'code'] : ['type', 'message']
  assert.deepEqual(Object.keys(error), fields)
  throw new InvalidInputError(error.message)
}

export const OPENAI_TARGETS: readonly Target[] = [
  {
    name: 'bodies of /v1',
    seeds: SEEDS.map(([path, seed]) => Buffer.from(`${path}\n${JSON.stringify(seed)}`)),
    words: ['null', '[', '{', '"role":', '"type":', '"content":', '1e999', '"\\ud800"'],
    read: body
  }
]
