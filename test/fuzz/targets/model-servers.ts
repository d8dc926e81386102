/** What reads the answers of model servers: any program of this device may listen where one would. */

import { Readable } from 'node:stream'
import { eventsOf } from '../../../capabilities/engines/openai/event-stream.ts'
import { failureOf } from '../../../capabilities/engines/openai/failure.ts'
import { parseJson } from '../../../capabilities/engines/openai/http.ts'
import { Pieces } from '../../../capabilities/engines/openai/pieces.ts'
import { rankingOf, vectorsOf } from '../../../capabilities/engines/openai/vectors.ts'
import { Answer } from '../../../interface/answer.ts'
import { EngineFailedError } from '../../../interface/errors.ts'
import { prepare } from '../../../interface/prepare.ts'
import { DONE, delta, event } from '../../fixtures/model-server.ts'
import type { Target } from '../target.ts'

const server = { name: 'attic', url: 'http://127.0.0.1:1' }
const request = prepare({
  id: 'r',
  task: 'text-generation',
  input: { prompt: 'x' },
  params: { maxTokens: 64 },
  budgetMs: 1000
})
const text = (words: string): Uint8Array => Buffer.from(words)

/** How many chunks of an answer it gives. */
async function answer(bytes: Uint8Array): Promise<number> {
  const pieces = new Pieces(server.name, 64)
  const proven = new Answer(request, what => new EngineFailedError(what))
  let said = false
  for await (const data of eventsOf(Readable.from([Buffer.from(bytes)]) as never)) {
    said = data === '[DONE]'
    if (said) break
    if (data !== '') for (const chunk of pieces.read(parseJson(server, data))) proven.accept(chunk)
  }
  for (const chunk of pieces.end({ said })) proven.accept(chunk)
  return proven.received
}

const call = { index: 0, id: 'c', function: { name: 'f', arguments: '{"a":1}' } }

export const MODEL_SERVER_TARGETS: readonly Target[] = [
  {
    name: 'stream of a model server',
    share: 0.5,
    seeds: [
      text(delta({ role: 'assistant', content: 'a' }) + delta({ content: [{ text: 'b' }] }, 'stop') + DONE),
      text(delta({ tool_calls: [call] }) + delta({ reasoning: 'r' }, 'length')),
      text(event({ choices: [{ message: { content: 'a' } }], usage: { prompt_tokens: 1 } }) + DONE)
    ],
    words: [
      'data: ',
      '\n\n',
      '[DONE]',
      '"error":',
      '{',
      '[',
      '"index":',
      '2147483648',
      '-1',
      '{"toString":1}'
    ],
    read: answer
  },
  {
    name: 'refusal of a model server',
    share: 0.1,
    seeds: [text('{"error":{"message":"maximum context length is 4096 tokens","type":"x","code":"y"}}')],
    words: ['"message":', '"n_ctx":', '"detail":', '{"toString":1}', '{', '1e999'],
    read: bytes => failureOf(server.name, { status: 400, text: Buffer.from(bytes).toString() }).code
  },
  {
    name: 'vectors of a model server',
    share: 0.2,
    seeds: [
      text('{"data":[{"index":0,"embedding":[1,2.5]}]}'),
      text('{"data":[{"embedding":"AACAPwAAAEA="}]}')
    ],
    words: ['"index":', '"embedding":', '{"toString":1}', '[', 'null', '1e999', '-1'],
    read: bytes =>
      vectorsOf(parseJson(server, Buffer.from(bytes).toString()), { count: 1, server: server.name })
        .dimensions
  },
  {
    name: 'ranking of a model server',
    share: 0.2,
    seeds: [text('{"results":[{"index":1,"relevance_score":3},{"index":0,"score":-1}]}')],
    words: ['"index":', '"score":', '{"toString":1}', '[', 'null', '1e999', '0.5'],
    read: bytes =>
      rankingOf(parseJson(server, Buffer.from(bytes).toString()), 2, 2, server.name).results.length
  }
]
