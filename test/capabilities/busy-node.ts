/** A process that a test kills while its engine works: prints the engine's pid when it does, then waits. */

import { systemClock } from '../../interface/clock.ts'
import { textRequest, unrulyHost } from './parts.ts'
import { childrenOf } from './processes.ts'

const host = unrulyHost({}, systemClock)
await host.load()
for await (const _ of host.infer(textRequest('begin 60000'))) {
  process.stdout.write(`${childrenOf(process.pid)[0]}\n`)
}
