/** A process that a test traces: loads the model in the folder it is given, asks it twice, and ends. */

import { kindOf } from '../../capabilities/engines/index.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import { digitFile, float32, imageRequest, memoryLog, tensorRequest, textRequest } from './parts.ts'

const [found] = await readModels(process.argv[2]!)
const { engine } = kindOf(found!.engine).serve(found!, {
  clock: systemClock,
  log: memoryLog(),
  env: {},
  sandbox: 'none',
  cores: 2
})
await engine.load()
const requests =
  found!.engine === 'onnx'
    ? [
        imageRequest(await digitFile('7.png')),
        tensorRequest({ image: float32([1, 1, 8, 8], Array<number>(64).fill(0)) })
      ]
    : [textRequest('Hello', { maxTokens: 8 }), textRequest('Who are you?', { maxTokens: 8, temperature: 1 })]
for (const request of requests) await Array.fromAsync(engine.infer(request))
await engine.close()
