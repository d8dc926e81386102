import { join } from 'node:path'
import { afterAll } from 'vitest'
import { EchoEngine } from '../../capabilities/engines/echo.ts'
import { onnx } from '../../capabilities/engines/onnx/kind.ts'
import { OpenAiEngine } from '../../capabilities/engines/openai/engine.ts'
import { transformers } from '../../capabilities/engines/transformers/kind.ts'
import type { EngineKind } from '../../capabilities/models/found-model.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import type { Clock } from '../../interface/clock.ts'
import { engineCompliance } from '../compliance/engine.ts'
import { echoWords, startModelServer } from '../fixtures/model-server.ts'
import {
  digitFile,
  float32,
  imageRequest,
  MODELS,
  memoryLog,
  tensorRequest,
  textRequest,
  unrulyHost
} from './parts.ts'

const tensors = { image: float32([2, 1, 8, 8], Array(128).fill(0.5)) }

const served = async (kind: EngineKind, model: string, clock: Clock) => {
  const [found] = await readModels(join(MODELS, model))
  return kind.serve(found!, { clock, log: memoryLog(), env: {}, cores: 2 }).engine
}

engineCompliance('echo', {
  make: clock => new EchoEngine({ clock, wordDelayMs: 1 }),
  slots: 4,
  requests: [
    textRequest('one two three'),
    textRequest('one two three', { maxTokens: 2 }),
    tensorRequest(tensors)
  ],
  long: textRequest('word '.repeat(500)),
  streamed: textRequest('word '.repeat(100)),
  refused: [[imageRequest(new Uint8Array(8)), 'INVALID_INPUT']]
})

engineCompliance('a process', {
  make: clock => unrulyHost({}, clock),
  process: true,
  slots: 4,
  requests: [textRequest('hello'), textRequest('count 5')],
  long: textRequest('count 100'),
  streamed: textRequest('count 70')
})

engineCompliance('onnx', {
  make: clock => served(onnx, 'digits-cnn', clock),
  process: true,
  slots: 2,
  requests: [imageRequest(await digitFile('7.png')), tensorRequest(tensors)],
  refused: [[imageRequest(new Uint8Array(8)), 'INVALID_INPUT']]
})

engineCompliance('transformers', {
  make: clock => served(transformers, 'tiny-llm', clock),
  process: true,
  slots: 4,
  requests: [
    textRequest('What is 12 plus 7?', { maxTokens: undefined }),
    textRequest('Tell me a story', { maxTokens: 5 }),
    textRequest('How warm is it in Hanoi?', { maxTokens: 64, tools: [{ name: 'get_weather' }] }),
    textRequest('Hello', { maxTokens: 20, temperature: 1.5, seed: 7 })
  ],
  // What came already comes again, ever more likely.
  long: textRequest('Count to ten', { maxTokens: 400, frequencyPenalty: -2 }),
  streamed: textRequest('Count to ten', { maxTokens: 200, frequencyPenalty: -2 }),
  refused: [
    [textRequest('Hello', { maxTokens: 600 }), 'CONTEXT_TOO_SMALL'],
    [
      textRequest('Hello', { maxTokens: 10, responseFormat: { type: 'json_schema', schema: { not: {} } } }),
      'INVALID_INPUT'
    ]
  ]
})

const server = await startModelServer(asked => ({ stream: echoWords(asked) }))
afterAll(() => server.close())

engineCompliance('openai', {
  make: clock => new OpenAiEngine({ server: { name: 'attic', url: server.url }, model: 'm', clock }),
  slots: 4,
  requests: [textRequest('one two three'), textRequest('one two three', { maxTokens: 2 })],
  long: textRequest('word '.repeat(500)),
  streamed: textRequest('word '.repeat(100))
})
