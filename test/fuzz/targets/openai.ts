/** What reads the bodies of `/v1` and of Ollama's `/api`: their first line is the route. */

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

const OLLAMA_SEEDS: readonly (readonly [path: string, body: object])[] = [
  [
    'chat',
    {
      model: 'a/b:c',
      messages: [
        { role: 'user', content: 'x', images: ['AAAA'] },
        {
          role: 'assistant',
          content: '',
          thinking: 't',
          tool_calls: [{ function: { name: 'f', arguments: {} } }]
        },
        { role: 'tool', content: 'z', tool_name: 'f' }
      ],
      ...{
        tools: [{ type: 'function', function: tool }],
        format: { type: 'object' },
        think: 'low',
        stream: false
      },
      ...{ keep_alive: '5m', options: { num_predict: 3, temperature: 0.5, top_k: 1, seed: 7, stop: ['.'] } }
    }
  ],
  [
    'generate',
    { model: 'a', prompt: 'x', system: 's', suffix: '', raw: true, format: 'json', keep_alive: -1 }
  ],
  ['embed', { model: 'a', input: ['x', 'y'], dimensions: 3 }],
  ['embeddings', { name: 'a', prompt: 'x' }],
  ['show', { model: 'a', verbose: true }],
  ['pull', { name: 'a:b', stream: true, insecure: false }]
]

/** Whether the body was taken, which is all that is asked here. */
async function ask(
  base: '/v1/' | '/api/',
  bytes: Uint8Array
): Promise<{ status: number; error: unknown; isAnthropic: boolean }> {
  const [path = '', ...rest] = Buffer.from(bytes).toString('latin1').split('\n')
  const url = new URL(`${base}${encodeURI(path.toWellFormed())}`, 'http://127.0.0.1')
  if (!url.pathname.startsWith(base) || /^\/api\/v\d/.test(url.pathname))
    throw new InvalidInputError('This is a path of others.')
  const incoming = Object.assign(Readable.from([Buffer.from(rest.join('\n'), 'latin1')]), {
    ...{ headers: {}, complete: true, url: url.pathname }
  })
  const outgoing = Object.assign(new EventEmitter(), {
    ...{ writableFinished: true, req: incoming },
    setHeader() {}
  })
  const caller = { origin: 'local', permissions: PERMISSIONS } as const
  const answer = await app.fetch(new Request(url, { method: 'POST' }), {
    incoming,
    outgoing,
    caller
  } as never)
  const text = await answer.text()
  const { error, request_id } = JSON.parse(text)
  return { status: answer.status, error, isAnthropic: request_id !== undefined }
}

async function openai(bytes: Uint8Array): Promise<number> {
  const { status, error, isAnthropic } = await ask('/v1/', bytes)
  const said = error as { code?: string; type: string; message: string }
  // There is no node to ask.
  if (said.code === 'no_provider' || said.type === 'overloaded_error') return status
  assert.ok(status >= 400 && status < 500, said.message)
  const fields = isAnthropic ? ['type', 'message'] : ['message', 'type', 'param', 'code']
  assert.deepEqual(Object.keys(said), fields)
  throw new InvalidInputError(said.message)
}

async function ollama(bytes: Uint8Array): Promise<number> {
  const { status, error } = await ask('/api/', bytes)
  assert.ok(typeof error === 'string' && error.length < 4096, 'an error is a text')
  if (status === 503) return status
  assert.ok((status >= 400 && status < 500) || status === 501, error)
  throw new InvalidInputError(error)
}

export const OPENAI_TARGETS: readonly Target[] = [
  {
    name: 'bodies of /v1',
    seeds: SEEDS.map(([path, seed]) => Buffer.from(`${path}\n${JSON.stringify(seed)}`)),
    words: ['null', '[', '{', '"role":', '"type":', '"content":', '1e999', '"\\ud800"'],
    read: openai
  },
  {
    name: 'bodies of Ollama',
    share: 0.3,
    seeds: OLLAMA_SEEDS.map(([path, seed]) => Buffer.from(`${path}\n${JSON.stringify(seed)}`)),
    words: ['null', '[', '{', '"role":', '"options":', '"keep_alive":', '1e999', '"\\ud800"'],
    read: ollama
  }
]
