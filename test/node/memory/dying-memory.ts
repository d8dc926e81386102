/** Writes to a space, says each number that was acknowledged, and kills itself after so many: `PATH WRITES`. */

import { writeSync } from 'node:fs'
import { systemClock } from '../../../interface/clock.ts'
import { openMemoryEngine } from '../../../node/memory/worker/memory-thread.ts'
import { seedOf } from './engine-seed.ts'

const [path, writes] = [process.argv[2]!, Number(process.argv[3])]
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const engine = openMemoryEngine({
  ...{ path, seed: seedOf('one'), spaceBytesMax: 1e9, clock: systemClock, log: quiet }
})
if ((await engine.spaces()).length === 0) await engine.create('diary')
const content = await engine.read('diary', 'default').catch(() => ({ kind: 'facts', facts: {} }) as const)
const before = content.kind === 'facts' ? Object.keys(content.facts).length : 0
let acknowledged = before
for (let n = 1; n <= writes + 20; n++) {
  void engine
    .write('diary', 'default', 'facts', [{ type: 'set', key: `key ${before + n}`, value: 'x'.repeat(500) }])
    .then(() => {
      // Answers come in the order of the calls.
      writeSync(1, `${++acknowledged}\n`)
      if (acknowledged === before + writes) process.kill(process.pid, 'SIGKILL')
    })
}
setInterval(() => undefined, 1000)
