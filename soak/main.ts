/** `npm run soak -- --hours H`: run one, tell how it goes each minute, and say at the end what grows. */

import { renameSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { SoakRecord } from './book.ts'
import { passes, progressLine, reportOf } from './report.ts'
import { soak } from './soak.ts'

const USAGE = `Usage: npm run soak -- --hours H [--nodes N] [--seed N] [--json FILE]

N nodes (default 10), each a process of its own, ask each other all the time. Six of ten stay and are measured
each minute; one of the others leaves and returns every 10 s, by SIGTERM and by SIGKILL in turn, and now and then
a new device joins and an old one is revoked. At the end: how fast memory, descriptors and listeners of the nodes
that stayed grew, with 95 % intervals, against named limits. One hour tells a slope of 1 MB/h only roughly;
the interval says how roughly.

  --json FILE   keeps everything that was measured, written anew each minute; "-" prints it at the end

Ctrl-C ends it early, with the report of what was seen. For a heap snapshot: kill -USR2 PID; it lies in the home.
Exit codes: 0 nothing grows beyond doubt, 1 something does or calls were lost, 2 usage.`
const USAGE_EXIT_CODE = 2
/** Each is a process of about 120 MB. */
const NODES_MAX = 60
/** A week. */
const HOURS_MAX = 168

interface Run {
  readonly hours: number
  readonly nodes: number
  readonly seed: number
  readonly json?: string
}

function parseRun(): Run | string {
  const { values } = parseArgs({
    options: {
      hours: { type: 'string' },
      nodes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
      json: { type: 'string' },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) return ''
  const [hours, nodes, seed] = [Number(values.hours), Number(values.nodes), Number(values.seed)]
  if (!(hours > 0 && hours <= HOURS_MAX)) return `--hours is more than 0 and at most ${HOURS_MAX}.`
  if (!Number.isInteger(nodes) || nodes < 3 || nodes > NODES_MAX) return `--nodes is from 3 to ${NODES_MAX}.`
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) return '--seed is from 0 to 4294967295.'
  return { hours, nodes, seed, json: values.json }
}

async function execute({ json, ...run }: Run): Promise<boolean> {
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort()).once('SIGTERM', () => interrupted.abort())
  // What lies at FILE is whole at any time.
  const keep = (record: SoakRecord): void => {
    if (json === undefined || json === '-') return
    writeFileSync(`${json}.part`, JSON.stringify(record))
    renameSync(`${json}.part`, json)
  }
  console.error(`${run.nodes} nodes for ${run.hours} h, seed ${run.seed}`)
  const record = await soak({
    ...run,
    signal: interrupted.signal,
    onRound(soFar) {
      console.error(progressLine(soFar))
      keep(soFar)
    }
  })
  keep(record)
  console.log(json === '-' ? JSON.stringify(record) : reportOf(record))
  return passes(record)
}

let run: Run | string
try {
  run = parseRun()
} catch (err) {
  run = (err as Error).message
}
if (typeof run !== 'string') process.exitCode = (await execute(run)) ? 0 : 1
else if (run === '') console.log(USAGE)
else {
  console.error(`${run}\n\n${USAGE}`)
  process.exitCode = USAGE_EXIT_CODE
}
