/** A process that a test kills while its engine works: prints the engine's pid, then waits. */

import { systemClock } from '../../interface/clock.ts'
import { childrenOf } from './processes.ts'
import { textRequest, unrulyHost } from './parts.ts'

const host = unrulyHost({}, systemClock)
await host.load()
void Array.fromAsync(host.infer(textRequest('block 60000')))
process.stdout.write(`${childrenOf(process.pid)[0]}\n`)
