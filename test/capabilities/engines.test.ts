import { join } from 'node:path'
import { afterAll } from 'vitest'
import { EchoEngine } from '../../capabilities/engines/echo.ts'
import { onnx } from '../../capabilities/engines/onnx/kind.ts'
import { OpenAiEngine } from '../../capabilities/engines/openai/engine.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
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

engineCompliance('echo', {
  make: () => new EchoEngine({ clock: systemClock, wordDelayMs: 1 }),
  slots: 4,
  requests: [
    textRequest('one two three'),
    textRequest('one two three', { maxTokens: 2 }),
    tensorRequest(tensors)
  ],
  long: textRequest('word '.repeat(500))
})

engineCompliance('a process', {
  make: () => unrulyHost(),
  slots: 4,
  requests: [textRequest('hello'), textRequest('count 5')],
  long: textRequest('count 100')
})

engineCompliance('onnx', {
  make: async () => {
    const log = memoryLog()
    const [found] = await readModels(join(MODELS, 'digits-cnn'))
    return onnx.serve(found!, { clock: systemClock, log, env: {}, cores: 2 }).engine
  },
  slots: 2,
  requests: [imageRequest(await digitFile('7.png')), tensorRequest(tensors)]
})

const server = await startModelServer(asked => ({ stream: echoWords(asked) }))
afterAll(() => server.close())

engineCompliance('openai', {
  make: () =>
    new OpenAiEngine({ server: { name: 'attic', url: server.url }, model: 'm', clock: systemClock }),
  slots: 4,
  requests: [textRequest('one two three'), textRequest('one two three', { maxTokens: 2 })],
  long: textRequest('word '.repeat(500))
})
