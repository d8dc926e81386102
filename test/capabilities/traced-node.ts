/** A process that a test traces: loads the model in the folder it is given, asks it twice, and ends. */

import { onnx } from '../../capabilities/engines/onnx/kind.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import { digitFile, float32, imageRequest, memoryLog, outputOf, tensorRequest } from './parts.ts'

const [found] = await readModels(process.argv[2]!)
const { engine } = onnx.serve(found!, {
  clock: systemClock,
  log: memoryLog(),
  env: {},
  sandbox: 'none',
  cores: 2
})
await engine.load()
await outputOf(engine.infer(imageRequest(await digitFile('7.png'))))
await outputOf(engine.infer(tensorRequest({ image: float32([1, 1, 8, 8], Array<number>(64).fill(0)) })))
await engine.close()
