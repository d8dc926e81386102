/** `npm run crash`: kills processes, cuts the power and lets disks fail at every point of a node's storing. */

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { seededRandom } from '../../sim/random.ts'
import { buildDisk } from './disk.ts'
import { callKills, diskExperiments, type Experiment, KINDS } from './experiments.ts'
import { sampled } from './sampled.ts'
import { WORKLOADS } from './workloads.ts'

const HELP = `npm run crash -- [--points all|N] [--seed N] [--kind K] [--workload W] [--only NAME] [--json]

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

function options() {
  const { values } = parseArgs({
    options: {
      points: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      kind: { type: 'string' },
      workload: { type: 'string' },
      only: { type: 'string' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  const points = values.points === 'all' ? Number.POSITIVE_INFINITY : Number(values.points)
  const [kind, workload] = values.only?.split('/') ?? [values.kind, values.workload]
  const known =
    (kind === undefined || KINDS.some(name => name === kind)) &&
    (workload === undefined || WORKLOADS.some(({ name }) => name === workload))
  if (values.help || !known || !(points > 0) || !Number.isInteger(Number(values.seed))) {
    console[values.help ? 'log' : 'error'](HELP)
    process.exit(values.help ? 0 : 2)
  }
  return { ...values, points, kind, workload, seed: Number(values.seed), jobs: Number(values.jobs) }
}

const { points, seed, kind, workload, only, jobs, json } = options()
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
process.exit(failures.length > 0 || total === 0 ? 1 : 0)

async function run(name: string, of: string, chosen: readonly Experiment[], possible: number): Promise<Row> {
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
