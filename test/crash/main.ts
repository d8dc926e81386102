/** `npm run crash`: kills processes, cuts the power and lets disks fail at every point of a node's storing. */

import { availableParallelism } from 'node:os'
import { seededRandom } from '../../sim/random.ts'
import { numberOf, type Parsed, runTool, seedOf, UsageError } from '../../sim/tool.ts'
import { buildDisk } from './disk.ts'
import { callKills, diskExperiments, type Experiment, KINDS } from './experiments.ts'
import { sampled } from './sampled.ts'
import { WORKLOADS } from './workloads.ts'

const USAGE = `Usage: npm run crash -- [--points all|N] [--seed N] [--kind K] [--workload W] [--only NAME] [--json]

Runs storage to its end many times, each time ended badly at another point, and looks at what is left.
  --points    how many of each kind and workload, chosen by the seed; default 60
  --seed      default: by chance
  --kind      ${KINDS.join(', ')}; default all
  --workload  ${WORKLOADS.map(({ name }) => name).join(', ')}; default all
  --only      one experiment by its name, as a failure prints it
  --jobs      at once; default the number of processors
`

interface Row {
  readonly kind: string
  readonly workload: string
  readonly ran: number
  readonly of: number
  readonly failed: number
  readonly seconds: number
}

const options = {
  points: { type: 'string', default: '60' },
  seed: { type: 'string' },
  kind: { type: 'string' },
  workload: { type: 'string' },
  only: { type: 'string' },
  jobs: { type: 'string', default: String(availableParallelism()) },
  json: { type: 'boolean', default: false }
} as const

/** More at once only wait for each other. */
const JOBS_MAX = 1024

function wantedOf({ only, ...values }: Parsed<typeof options>['values']) {
  const [kind, workload] = only?.split('/') ?? [values.kind, values.workload]
  if (kind !== undefined && !KINDS.some(name => name === kind))
    throw new UsageError(`There is no kind "${kind}".`)
  if (workload !== undefined && !WORKLOADS.some(({ name }) => name === workload))
    throw new UsageError(`There is no workload "${workload}".`)
  const points =
    values.points === 'all'
      ? Number.POSITIVE_INFINITY
      : numberOf('points', values.points, { min: 1, max: Number.MAX_SAFE_INTEGER })
  const jobs = numberOf('jobs', values.jobs, { min: 1, max: JOBS_MAX })
  return { points, jobs, kind, workload, only, json: values.json, seed: seedOf(values.seed) }
}

await runTool({ usage: USAGE, options, run: ({ values }) => crash(wantedOf(values)) })

async function crash({
  points,
  seed,
  kind,
  workload,
  only,
  jobs,
  json
}: ReturnType<typeof wantedOf>): Promise<boolean> {
  const say = (line: string) => (json ? process.stderr : process.stdout).write(`${line}\n`)
  const random = seededRandom(seed)
  const disk = buildDisk()
  if ('missing' in disk) say(`Not run: change, power, refuse (${disk.missing}).`)

  const rows: Row[] = []
  const failures: { name: string; message: string }[] = []
  say(`seed ${seed}`)
  for (const each of WORKLOADS.filter(({ name }) => workload === undefined || name === workload)) {
    const all = await callKills(each)
    if (!('missing' in disk)) all.push(...(await diskExperiments(each, disk.library, seed)))
    for (const wanted of KINDS.filter(name => kind === undefined || name === kind)) {
      const possible = all.filter(
        experiment => experiment.kind === wanted && (only ?? experiment.name) === experiment.name
      )
      const chosen = sampled(possible, points, random)
      if (chosen.length > 0) rows.push(await run(wanted, each.name, chosen, possible.length))
    }
  }
  const total = rows.reduce((sum, { ran }) => sum + ran, 0)
  const killed = rows.reduce(
    (sum, row) => sum + (row.kind === 'call' || row.kind === 'change' ? row.ran : 0),
    0
  )
  say(`${total} experiments, ${killed} of them kills; ${failures.length} failed`)
  if (json) process.stdout.write(`${JSON.stringify({ seed, total, killed, rows, failures })}\n`)
  return failures.length === 0 && total > 0

  async function run(
    name: string,
    of: string,
    chosen: readonly Experiment[],
    possible: number
  ): Promise<Row> {
    const beganMs = performance.now()
    const left = [...chosen]
    let failed = 0
    const worker = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        await next.run().catch(err => {
          failed++
          failures.push({ name: next!.name, message: String(err.message) })
          say(
            `FAILED ${next!.name}: ${err.message}\n  again: npm run crash -- --seed ${seed} --only ${next!.name}`
          )
        })
      }
    }
    await Promise.all(Array.from({ length: jobs }, worker))
    const seconds = Math.round((performance.now() - beganMs) / 100) / 10
    say(
      `${name.padEnd(7)} ${of.padEnd(10)} ${chosen.length} of ${possible} points, ${failed} failed, ${seconds} s`
    )
    return { kind: name, workload: of, ran: chosen.length, of: possible, failed, seconds }
  }
}
