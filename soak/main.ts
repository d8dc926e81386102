/** `npm run soak -- --hours H`: run one, tell how it goes each minute, and say at the end what grows. */

import { renameSync, writeFileSync } from 'node:fs'
import { numberOf, runTool, seedOf, UsageError } from '../sim/tool.ts'
import type { SoakRecord } from './book.ts'
import type { LoadName } from './member.ts'
import { passes, progressLine, reportOf } from './report.ts'
import { soak } from './soak.ts'

const USAGE = `Usage: npm run soak -- --hours H|--minutes M [--nodes N] [--memory] [--seed N] [--json FILE]

N nodes (default 10), each a process of its own, ask each other all the time. Six of ten stay and are measured
each minute; one of the others leaves and returns every 10 s, by SIGTERM and by SIGKILL in turn, and now and then
a new device joins and an old one is revoked. At the end: how fast memory, descriptors and listeners of the nodes
that stayed grew, with 95 % intervals, against named limits. One hour tells a slope of 1 MB/h only roughly;
the interval says how roughly.

  --memory      they write to 500 documents of one space instead, open them and let them go; calls are writes and
                streams are reads then
  --json FILE   keeps everything that was measured, written anew each minute; "-" prints it at the end

Ctrl-C ends it early, with the report of what was seen. For a heap snapshot: kill -USR2 PID; it lies in the home.
Exit codes: 0 nothing grows beyond doubt, 1 something does or calls were lost, 2 usage.`
/** Each is a process of about 120 MB. */
const NODES_MAX = 60
/** Two that stay, so that they can ask each other, and one that leaves and returns. */
const NODES_MIN = 3
/** A week. */
const HOURS_MAX = 168
/** Four seconds: what is shorter ends before it began. */
const HOURS_MIN = 0.001

interface Run {
  readonly hours: number
  readonly nodes: number
  readonly seed: number
  readonly load: LoadName
  readonly json?: string
}

function hoursOf(hours?: string, minutes?: string): number {
  if (minutes === undefined) return numberOf('hours', hours, { min: HOURS_MIN, max: HOURS_MAX, whole: false })
  if (hours !== undefined) throw new UsageError('Say hours or minutes.')
  return numberOf('minutes', minutes, { min: HOURS_MIN * 60, max: HOURS_MAX * 60, whole: false }) / 60
}

async function execute({ json, ...run }: Run, signal: AbortSignal): Promise<boolean> {
  // What lies at FILE is whole at any time.
  const keep = (record: SoakRecord): void => {
    if (json === undefined || json === '-') return
    writeFileSync(`${json}.part`, JSON.stringify(record))
    renameSync(`${json}.part`, json)
  }
  console.error(`${run.nodes} nodes for ${run.hours} h, seed ${run.seed}`)
  const record = await soak({
    ...run,
    signal,
    onRound(soFar) {
      // By the time that a line says so, it is kept.
      keep(soFar)
      console.error(progressLine(soFar))
    }
  })
  keep(record)
  console.log(json === '-' ? JSON.stringify(record) : reportOf(record))
  return passes(record)
}

await runTool({
  usage: USAGE,
  options: {
    hours: { type: 'string' },
    minutes: { type: 'string' },
    memory: { type: 'boolean', default: false },
    nodes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    json: { type: 'string' }
  },
  answersEarly: true,
  run: ({ values: { hours, minutes, nodes, memory, seed, json } }, signal) =>
    execute(
      {
        hours: hoursOf(hours, minutes),
        load: memory ? 'memory' : 'calls',
        nodes: numberOf('nodes', nodes, { min: NODES_MIN, max: NODES_MAX }),
        seed: seedOf(seed),
        json
      },
      signal
    )
})
