/** `npm run merges`: looks for schedules after which documents of memory are not the same everywhere. */

import { DOC_KINDS } from '../../interface/memory.ts'
import { seededRandom } from '../../sim/random.ts'
import { numberOf, runTool, SEED_MAX, UsageError } from '../../sim/tool.ts'
import { runSchedule } from '../node/memory/schedules.ts'

const USAGE = `Usage: npm run merges -- [KIND…] [--schedules N] [--seed N]

Runs schedules of devices that write, meet in part, open documents anew and exclude a writer. Prints the seed of
each after which two devices differ. Ctrl-C ends it early.
  --schedules  for all kinds together; default 100000
  --seed       the first; default 0
Kinds: ${DOC_KINDS.join(', ')}
`
const REPORT_INTERVAL = 10_000

await runTool({
  usage: USAGE,
  options: { schedules: { type: 'string' }, seed: { type: 'string' } },
  async run({ values, positionals }, signal) {
    const unknown = positionals.find(given => !DOC_KINDS.some(kind => kind === given))
    if (unknown !== undefined) throw new UsageError(`There is no kind "${unknown}".`)
    const kinds = DOC_KINDS.filter(kind => positionals.length === 0 || positionals.includes(kind))
    const schedules = numberOf('schedules', values.schedules ?? '100000', { min: 1, max: SEED_MAX })
    const first = numberOf('seed', values.seed ?? '0', { min: 0, max: SEED_MAX })
    let [run, wrong] = [0, 0]
    for (; run < schedules && !signal.aborted; run++) {
      const [kind, seed] = [kinds[run % kinds.length]!, first + Math.floor(run / kinds.length)]
      try {
        runSchedule(kind, seededRandom(seed))
      } catch (err) {
        wrong++
        console.log(`FINDING ${kind}, seed ${seed}: ${(err as Error).message}`)
      }
      if (run % 100 === 0) await new Promise(resolve => setImmediate(resolve))
      if ((run + 1) % REPORT_INTERVAL === 0) console.log(`${run + 1} schedules, ${wrong} findings`)
    }
    console.log(`${run} schedules, ${wrong} findings`)
    return wrong === 0
  }
})
