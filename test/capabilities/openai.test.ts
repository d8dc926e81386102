import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { OpenAiEngine } from '../../capabilities/engines/openai/engine.ts'
import { Answer } from '../../interface/answer.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { systemClock } from '../../interface/clock.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import { prepare } from '../../interface/prepare.ts'
import { accumulate, type TaskName } from '../../interface/tasks/index.ts'
import {
  type Asked,
  DONE,
  delta,
  echoWords,
  event,
  type ModelServerFixture,
  type Said,
  startModelServer
} from '../fixtures/model-server.ts'
import { textRequest } from './parts.ts'

const engineOf = ({ url }: ModelServerFixture, key?: string): OpenAiEngine =>
  new OpenAiEngine({
    server: { name: 'attic', url, key: async () => key },
    model: 'm',
    clock: systemClock
  })

const ask = (task: TaskName, input: unknown, params: object = {}) =>
  prepare({ id: 'r', task, input, params: { ...params }, budgetMs: 20_000 })

/** Of each task, what a test looks at. */
interface Output {
  readonly text: string
  readonly toolCalls: unknown
  readonly vectors: Uint8Array
  readonly results: unknown
}

/** The chunks that one answer of a server gives, proven to be an answer; and what they add up to. */
async function answered(said: (asked: Asked) => Said, request = textRequest('hello')) {
  await using server = await startModelServer(said)
  const proven = new Answer(request, what => new EngineFailedError(what))
  const sum = accumulate(request.task)
  const chunks: InferenceChunk[] = []
  for await (const chunk of engineOf(server).infer(request)) {
    chunks.push(proven.accept(chunk))
    sum.add(chunk)
  }
  const done = chunks.at(-1) as Extract<InferenceChunk, { type: 'done' }>
  return { chunks, output: sum.output() as Output, done, asked: server.asked }
}

const stream =
  (...stream: string[]): (() => Said) =>
  () => ({ stream })
const deep = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
const call = (more: object) => delta({ tool_calls: [more] })

describe('a stream of a compatible server', () => {
  it('is read as the words that it says, with what they cost', async () => {
    const { output, done } = await answered(asked => ({ stream: echoWords(asked) }), textRequest('one two'))
    expect(output).toEqual({ text: 'one two' })
    expect(done).toMatchObject({ finishReason: 'stop', usage: { inputTokens: 3, outputTokens: 2 } })
  })

  const twoCalls = [
    { id: 'a', name: 'f', arguments: '{"x":1}' },
    { id: 'b', name: 'g', arguments: '{}' }
  ]
  const args = (words: unknown) => ({ arguments: words })

  it.each<[string, string[], unknown[]]>([
    [
      'in pieces, by index',
      [
        call({ index: 0, id: 'a', function: { name: 'f', arguments: '' } }),
        call({ index: 0, function: args('{"x"') }),
        call({ index: 1, id: 'b', function: { name: 'g', arguments: '{}' } }),
        call({ index: 0, function: args(':1}') })
      ],
      twoCalls
    ],
    [
      'each with index 0',
      [
        call({ index: 0, id: 'a', function: { name: 'f', ...args('{"x":') } }),
        call({ index: 0, function: args('1}') }),
        call({ index: 0, id: 'b', function: { name: 'g', ...args('{}') } })
      ],
      twoCalls
    ],
    [
      'with the id in each piece',
      [
        call({ index: 0, id: 'a', function: { name: 'f', ...args('{"x":') } }),
        call({ index: 0, id: 'a', function: args('1}') }),
        call({ index: 1, id: 'b', function: { name: 'g', ...args('{}') } })
      ],
      twoCalls
    ],
    [
      'at once, with objects as arguments',
      [
        delta({
          tool_calls: [
            { id: 'a', function: { name: 'f', ...args({ x: 1 }) } },
            { id: 'b', function: { name: 'g', ...args({}) } }
          ]
        })
      ],
      twoCalls
    ],
    [
      'without ids',
      [call({ function: { name: 'f', ...args('{}') } }), call({ function: { name: 'g', ...args('{}') } })],
      [
        { id: 'call_0', name: 'f', arguments: '{}' },
        { id: 'call_1', name: 'g', arguments: '{}' }
      ]
    ]
  ])('carries calls of tools %s', async (_, events, calls) => {
    const { output, done } = await answered(stream(...events, delta({}, 'stop'), DONE))
    expect(output.toolCalls).toEqual(calls)
    expect(done.finishReason).toBe('tool_calls')
  })

  it.each<[string, string[], object]>([
    [
      'thoughts under each name',
      [delta({ reasoning_content: 'a' }), delta({ reasoning: 'b' }), delta({ thinking: 'c' })],
      { reasoning: 'abc' }
    ],
    [
      'parts',
      [
        delta({
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' }
          ]
        })
      ],
      { text: 'ab' }
    ],
    [
      'null and no choices',
      [delta({ content: null }), event({ choices: [] }), event({}), delta({ content: 'a' })],
      { text: 'a' }
    ],
    [
      'comments and other line ends',
      [': ping\r\n\r\n', 'event: x\r\ndata:{"choices":[{"delta":{"content":"a"}}]}\r\n\r\n'],
      { text: 'a' }
    ],
    ['a message instead of deltas', [event({ choices: [{ message: { content: 'a' } }] })], { text: 'a' }],
    [
      'a piece too large for a frame',
      [delta({ content: 'x'.repeat(100_000) })],
      { text: 'x'.repeat(100_000) }
    ]
  ])('may hold %s', async (_, events, output) => {
    const found = await answered(stream(...events, delta({}, 'stop'), DONE))
    expect(found.output).toMatchObject(output)
  })

  const chosen = (token: string, logprob: number, ...top: [string, number][]) => ({
    ...{ token, logprob, bytes: [0] },
    top_logprobs: top.map(([other, number]) => ({ token: other, logprob: number }))
  })
  const likely = (content: string, ...entries: unknown[]) =>
    event({ choices: [{ index: 0, delta: { content }, logprobs: { content: entries } }] })

  it('carries the log-probabilities that were asked for, of chats and of completions', async () => {
    const said = [
      likely('', chosen('\ufffd', -0.25)),
      likely('é', chosen('\ufffd', -0.5, ['\ufffd', -0.5], ['e', -2])),
      likely(' b', chosen(' b', 1e-9), chosen('', -1), 7, { token: 'x', logprob: 'y' }),
      delta({}, 'stop'),
      DONE
    ]
    const wanted = { logprobs: true, topLogprobs: 2 }
    const { output, asked } = await answered(stream(...said), textRequest('x', wanted))
    expect(asked[0]!.body).toMatchObject({ logprobs: true, top_logprobs: 2 })
    expect(output).toMatchObject({
      text: 'é b',
      logprobs: [
        { token: '\ufffd', logprob: -0.25, top: [] },
        { token: '\ufffd', logprob: -0.5, top: [{ logprob: -0.5 }, { token: 'e', logprob: -2 }] },
        { token: ' b', logprob: 0 },
        { token: '', logprob: -1 }
      ]
    })
    const unasked = await answered(stream(...said))
    expect(unasked.output).toEqual({ text: 'é b' })
    expect(unasked.asked[0]!.body).not.toHaveProperty('logprobs')

    const logprobs = {
      tokens: ['a', ' b'],
      token_logprobs: [null, -1],
      top_logprobs: [null, { c: -3, ' b': -1 }]
    }
    const completed = await answered(
      stream(event({ choices: [{ text: 'a b', finish_reason: 'stop', logprobs }] }), DONE),
      ask('text-generation', { prompt: 'x' }, wanted)
    )
    expect(completed.asked[0]!.body).toMatchObject({ prompt: 'x', logprobs: 2 })
    expect(completed.output).toMatchObject({
      logprobs: [{ token: ' b', logprob: -1, top: [{ token: ' b' }, { token: 'c', logprob: -3 }] }]
    })
  })

  it('with more log-probabilities than tokens may be made loses those', async () => {
    const many = Array.from({ length: 9 }, () => likely('a', chosen('a', -1), chosen('a', -1)))
    const request = textRequest('x', { maxTokens: 4, logprobs: true })
    const { output } = await answered(stream(...many, delta({}, 'length'), DONE), request)
    expect(output).toMatchObject({ text: 'a'.repeat(9), logprobs: Array(4).fill({ token: 'a' }) })
  })

  it('says of an answer that is withheld that it is', async () => {
    const { done } = await answered(stream(delta({ content: 'a' }), delta({}, 'content_filter'), DONE))
    expect(done.finishReason).toBe('content_filter')
  })

  it('counts as whole without [DONE] where it says why it ended, and without an empty line at its end', async () => {
    const { output, done } = await answered(
      stream(delta({ content: 'a' }), delta({}, 'max_tokens').trimEnd())
    )
    expect([output.text, done.finishReason]).toEqual(['a', 'length'])
  })

  it('in more pieces than tokens were asked for loses none of its words', async () => {
    const letters = 'abcdefgh'.split('').map(content => delta({ content }))
    const { output, chunks } = await answered(
      stream(...letters, delta({}, 'stop'), DONE),
      textRequest('x', { maxTokens: 3 })
    )
    expect(output.text).toBe('abcdefgh')
    expect(chunks).toHaveLength(4)
  })

  it('is a failure where it is cut, or says that something went wrong', async () => {
    await expect(answered(() => ({ stream: [delta({ content: 'a' })] }))).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'attic ended before its answer was done.'
    })
    await expect(answered(() => ({ stream: [delta({ content: 'a' })], cut: true }))).rejects.toThrow()
    await expect(
      answered(stream(delta({ content: 'a' }), event({ error: { message: 'out of memory' } })))
    ).rejects.toMatchObject({ code: 'ENGINE_FAILED', message: 'attic: out of memory' })
    await expect(answered(stream('data: {"choi\n\n'))).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
    await expect(answered(stream(`data: ${'x'.repeat(5 * 1024 * 1024)}`))).rejects.toMatchObject({
      code: 'ENGINE_FAILED'
    })
  })

  it.each<[string, () => Said, RegExp]>([
    [
      'words without end after its last piece',
      () => ({ stream: Array.from({ length: 24 }, () => delta({ content: 'x'.repeat(1_000_000) })) }),
      /more than 16777216 characters/
    ],
    [
      'events without end that bring nothing',
      () => ({ stream: Array.from({ length: 20 }, () => event({}).repeat(5000)) }),
      /more than 65536 events without words/
    ],
    [
      'an event of a million lists',
      () => ({ stream: [`data: {"choices":[${'[],'.repeat(1_000_000)}0]}\n\n`] }),
      /more than 1000000 values/
    ],
    [
      'a whole answer of so many',
      () => ({ text: `[${'{},'.repeat(1_000_000)}0]` }),
      /more than 1000000 values/
    ],
    [
      'arguments of a tool that are nested without end',
      () => ({
        stream: [call({ function: { name: 'f', arguments: 0 } }).replace('0}', `${deep(100_000)}}`)]
      }),
      /nested too deeply/
    ],
    [
      'an error of a kind that cannot be written',
      () => ({
        stream: [event({ error: { message: 'broken', code: { toString: 1 }, type: { valueOf: 1 } } })]
      }),
      /^attic: broken$/
    ]
  ])('is a failure where it holds %s', async (_, said, words) => {
    await expect(answered(said, textRequest('x', { maxTokens: 2 }))).rejects.toMatchObject({
      code: 'ENGINE_FAILED',
      message: expect.stringMatching(words)
    })
  })

  it('that is no stream is read as a whole', async () => {
    const message = { role: 'assistant', content: 'a b', tool_calls: [{ id: 'c', function: { name: 'f' } }] }
    const { output, done } = await answered(() => ({
      json: {
        choices: [{ message, finish_reason: 'stop' }],
        usage: { prompt_tokens: 1, completion_tokens: 2 }
      }
    }))
    expect(output).toEqual({ text: 'a b', toolCalls: [{ id: 'c', name: 'f', arguments: '' }] })
    expect(done.usage).toEqual({ inputTokens: 1, outputTokens: 2 })
  })

  it('ends at the server when its reader leaves', async () => {
    await using server = await startModelServer(asked => ({ stream: echoWords(asked) }))
    for await (const chunk of engineOf(server).infer(
      textRequest('word '.repeat(10_000), { maxTokens: 9000 })
    )) {
      if (chunk.index > 2) break
    }
    const { gone } = server.asked[0]!
    if (!gone.aborted) await once(gone, 'abort')
    expect(gone.aborted).toBe(true)
  })
})

describe('what a compatible server is asked', () => {
  it('is the conversation in its words, with the key', async () => {
    await using server = await startModelServer(() => ({ stream: [delta({}, 'stop'), DONE] }))
    const weather = {
      name: 'weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } } }
    }
    const request = ask(
      'text-generation',
      {
        messages: [
          { role: 'developer', content: 'Be brief.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'a' },
              { type: 'image', image: Uint8Array.of(0xff, 0xd8, 0xff) }
            ]
          },
          { role: 'assistant', calls: [{ id: 'c', name: 'weather', arguments: '{}' }] },
          { role: 'tool', content: '31', call: 'c' }
        ]
      },
      {
        maxTokens: 5,
        temperature: 0,
        seed: 1,
        stop: ['.'],
        tools: [weather],
        toolChoice: { name: 'weather' },
        responseFormat: { type: 'json' }
      }
    )
    await Array.fromAsync(engineOf(server, 'sesame').infer(request))
    const { path, headers, body } = server.asked[0]!
    expect(path).toBe('/v1/chat/completions')
    expect(headers.authorization).toBe('Bearer sesame')
    expect(body).toEqual({
      ...{ model: 'm', stream: true, stream_options: { include_usage: true } },
      ...{ max_tokens: 5, temperature: 0, seed: 1, stop: ['.'] },
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'image_url', image_url: { url: 'data:image/jpeg;base64,/9j/' } }
          ]
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'weather', arguments: '{}' } }]
        },
        { role: 'tool', content: '31', tool_call_id: 'c' }
      ],
      tools: [{ type: 'function', function: weather }],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      response_format: { type: 'json_object' }
    })
  })

  it('has the bound of the answer under its other name where a model knows that alone', async () => {
    const message =
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    const { output, asked } = await answered(
      ({ body }) =>
        'max_tokens' in body
          ? { status: 400, json: { error: { message } } }
          : { stream: [delta({ content: 'a' }, 'stop'), DONE] },
      textRequest('x', { maxTokens: 7 })
    )
    expect(output.text).toBe('a')
    expect(asked.map(({ body }) => body)).toMatchObject([{ max_tokens: 7 }, { max_completion_tokens: 7 }])
    expect(asked[1]!.body).not.toHaveProperty('max_tokens')
  })

  it('gives vectors in the order of the texts, from numbers and from base64', async () => {
    const base64 = Buffer.from(new Float32Array([3, 4]).buffer).toString('base64')
    const { output } = await answered(
      () => ({
        json: {
          data: [
            { index: 1, embedding: base64 },
            { index: 0, embedding: [1, 2] }
          ]
        }
      }),
      ask('feature-extraction', { texts: ['a', 'b'] })
    )
    expect([...new Float32Array(output.vectors.buffer)]).toEqual([1, 2, 3, 4])
  })

  it('gives as many numbers of each vector as were asked for, also where a server gives all', async () => {
    const embed = (dimensions: number) =>
      answered(
        () => ({ json: { data: [{ index: 0, embedding: [3, 4, 12] }] } }),
        ask('feature-extraction', { texts: ['a'] }, { dimensions })
      )
    const { output, asked } = await embed(2)
    expect(asked[0]!.body).toMatchObject({ dimensions: 2 })
    const [x, y] = new Float32Array(output.vectors.buffer)
    expect([x, y]).toEqual([0.6, 0.8].map(Math.fround))
    await expect(embed(4)).rejects.toMatchObject({
      ...{ code: 'INVALID_INPUT', message: expect.stringMatching(/3 numbers, not 4/) },
      details: { field: 'params.dimensions' }
    })
  })

  it('refuses vectors among more objects than there can be vectors', async () => {
    const text = `{"data":[${'{},'.repeat(1_000_000)}0]}`
    await expect(
      answered(() => ({ text }), ask('feature-extraction', { texts: ['a'] }))
    ).rejects.toMatchObject({ code: 'ENGINE_FAILED', message: expect.stringMatching(/values/) })
  })

  it.each([
    ['too few', [{ index: 0, embedding: [1] }]],
    [
      'two for one text',
      [
        { index: 0, embedding: [1] },
        { index: 0, embedding: [1] }
      ]
    ],
    [
      'of two lengths',
      [
        { index: 0, embedding: [1] },
        { index: 1, embedding: [1, 2] }
      ]
    ],
    [
      'of no numbers',
      [
        { index: 0, embedding: [1] },
        { index: 1, embedding: ['x'] }
      ]
    ]
  ])('refuses vectors that are %s', async (_, data) => {
    await expect(
      answered(() => ({ json: { data } }), ask('feature-extraction', { texts: ['a', 'b'] }))
    ).rejects.toMatchObject({ code: 'ENGINE_FAILED' })
  })

  it('gives a ranking, best first, with logits as shares of 1', async () => {
    const results = [
      { index: 0, relevance_score: -1 },
      { index: 1, relevance_score: 3 }
    ]
    const request = ask('text-ranking', { query: 'q', documents: ['a', 'b'] }, { topN: 1 })
    const { output } = await answered(() => ({ json: { results } }), request)
    expect(output.results).toEqual([{ index: 1, score: expect.closeTo(0.953, 3) }])
    await expect(answered(() => ({ json: { results: [{ index: 7, score: 1 }] } }), request)).rejects.toThrow(
      /ranking/
    )
  })
})

describe('a refusal of a compatible server', () => {
  const vllm =
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens in the messages."
  const llamaCpp = {
    error: {
      code: 400,
      type: 'exceed_context_size_error',
      message: 'too large',
      n_prompt_tokens: 900,
      n_ctx: 512
    }
  }
  it.each<[string, number, unknown, object]>([
    [
      'a context that is too small, in words',
      400,
      { message: vllm },
      { code: 'CONTEXT_TOO_SMALL', details: { contextTokens: 4096, promptTokens: 5000 } }
    ],
    [
      'the same in numbers',
      400,
      llamaCpp,
      { code: 'CONTEXT_TOO_SMALL', details: { contextTokens: 512, promptTokens: 900 } }
    ],
    [
      'a wrong request',
      400,
      { error: { message: 'no such tool' } },
      { code: 'INVALID_INPUT', message: 'attic: no such tool' }
    ],
    ['the same in other forms', 422, { detail: 'no' }, { code: 'INVALID_INPUT', message: 'attic: no' }],
    [
      'a wrong key',
      401,
      { error: 'sesame?' },
      { code: 'ENGINE_FAILED', message: 'attic refuses the key, or wants one.' }
    ],
    [
      'a model that still loads',
      503,
      { error: 'Loading model' },
      { code: 'OVERLOADED', details: { retryAfterMs: 2000 } }
    ],
    ['too many requests', 429, {}, { code: 'OVERLOADED' }],
    ['a failure', 500, 'oops', { code: 'ENGINE_FAILED' }],
    ['a redirect to elsewhere', 302, {}, { code: 'ENGINE_FAILED' }]
  ])('means %s', async (_, status, json, error) => {
    await expect(
      answered(() => ({ status, json, headers: { location: 'http://127.0.0.1:1/' } }))
    ).rejects.toMatchObject(error)
  })

  it.each<[string, (words: string) => Said]>([
    ['in a refusal', words => ({ status: 400, json: { error: { message: words } } })],
    ['in one that is no JSON', words => ({ status: 500, text: words })],
    ['in the middle of an answer', words => ({ stream: [event({ error: { message: words } })] })]
  ])('that repeats the key %s does not show it', async (_, said) => {
    await using server = await startModelServer(({ headers }) => said(`no: ${headers.authorization}`))
    await expect(Array.fromAsync(engineOf(server, 'sesame').infer(textRequest('x')))).rejects.toMatchObject({
      message: 'attic: no: Bearer …'
    })
  })

  it('never shows the key, and a server that is gone is told', async () => {
    const server = await startModelServer(() => ({ status: 401, json: { error: 'bad' } }))
    await expect(Array.fromAsync(engineOf(server, 'sesame').infer(textRequest('x')))).rejects.toThrow(
      /^(?!.*sesame).*$/s
    )
    await server.close()
    let gone = 0
    const engine = new OpenAiEngine({
      server: { name: 'attic', url: server.url },
      ...{ model: 'm', clock: systemClock, onGone: () => gone++ }
    })
    // Whoever asks need not know where it is.
    await expect(Array.fromAsync(engine.infer(textRequest('x')))).rejects.toThrow(
      'attic does not answer: ECONNREFUSED.'
    )
    expect(gone).toBe(1)
  })
})
