/** As `busy-node.ts`, with the model in the folder it is given: prints the pids of its engine's processes while that answers. */

import { kindOf } from '../../capabilities/engines/index.ts'
import { readModels } from '../../capabilities/models/read-models.ts'
import { systemClock } from '../../interface/clock.ts'
import { installedEngines } from './installed-llama.ts'
import { memoryLog, textRequest } from './parts.ts'
import { descendantsOf } from './processes.ts'

const [found] = await readModels(process.argv[2]!, installedEngines)
const host = { clock: systemClock, log: memoryLog(), env: {}, cores: 2 }
const { engine } = kindOf(found!.engine).serve(found!, host)
await engine.load()
const long = {
  responseFormat: { type: 'json_schema', schema: { type: 'string', minLength: 900 } },
  maxTokens: 400
}
while (true) {
  for await (const _ of engine.infer(textRequest('Hi', long)))
    process.stdout.write(`${descendantsOf(process.pid).join(' ')}\n`)
}
