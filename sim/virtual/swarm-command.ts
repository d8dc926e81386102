/** `npm run sim -- swarm`: many random meshes, each disturbed, healed and judged. */

import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { runSeed, type SwarmRun } from './swarm.ts'
import { failureLines, linesOf, reportOf } from './swarm-report.ts'

const HELP = `Usage: npm run sim -- swarm [options]

  --seeds N     how many seeds, each run twice (1 to 1000000; default 200)
  --first S     the first of them (default 0)
  --seed S      one seed, and what was drawn for it
  --trace       with --seed: everything that happens, as it happens
  --report DIR  write swarm.json and swarm.txt there
  --json        the report as one object on stdout

Exit codes: 0 all passed, 1 not, 2 usage.`

const USAGE_EXIT_CODE = 2
const SEEDS_MAX = 1_000_000
const SEED_MAX = 2 ** 32 - 1

export async function swarm(args: string[], signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seeds: { type: 'string', default: '200' },
      first: { type: 'string', default: '0' },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      report: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  if (values.help) {
    console.error(HELP)
    return 0
  }
  const seeds = Number(values.seeds)
  const first = Number(values.seed ?? values.first)
  const wrong = !Number.isInteger(seeds) || seeds < 1 || seeds > SEEDS_MAX
  if (wrong || !Number.isInteger(first) || first < 0 || first > SEED_MAX) {
    console.error(HELP)
    return USAGE_EXIT_CODE
  }
  return values.seed === undefined
    ? await runMany(first, seeds, { json: values.json, folder: values.report, signal })
    : runOne(first, values)
}

function runOne(seed: number, { trace, json }: { trace: boolean; json: boolean }): number {
  const run = runSeed(seed, trace ? { print: line => console.log(line) } : {})
  if (json) console.log(JSON.stringify(run))
  else if (run.failure === undefined) console.log(`Yes. ${run.plan}; trace ${run.hash}`)
  else console.log(failureLines({ seed, plan: run.plan, ...run.failure }).join('\n'))
  return run.failure === undefined ? 0 : 1
}

interface ManyOptions {
  readonly json: boolean
  readonly folder: string | undefined
  readonly signal: AbortSignal
}

async function runMany(first: number, seeds: number, { json, folder, signal }: ManyOptions): Promise<number> {
  const beganMs = performance.now()
  const runs = await runSeeds(first, seeds, signal)
  const report = reportOf(runs, (performance.now() - beganMs) / 1000)
  const lines = linesOf(report)
  if (folder !== undefined) {
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'swarm.json'), `${JSON.stringify(report, null, 2)}\n`)
    await writeFile(join(folder, 'swarm.txt'), `${lines.join('\n')}\n`)
  }
  console.log(json ? JSON.stringify(report) : lines.join('\n'))
  return report.passed === seeds ? 0 : 1
}

/** Seeds are independent, so each core of this machine takes the next one. */
async function runSeeds(first: number, seeds: number, signal: AbortSignal): Promise<SwarmRun[]> {
  const runs: SwarmRun[] = []
  let next = first
  const work = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const give = (): void => {
        if (next === first + seeds || signal.aborted) resolve()
        else worker.postMessage(next++)
      }
      worker.on('message', (run: SwarmRun) => {
        runs.push(run)
        give()
      })
      worker.on('error', reject)
      give()
    })
  const count = Math.min(availableParallelism(), seeds)
  const workers = Array.from(
    { length: count },
    () => new Worker(new URL('./swarm-worker.ts', import.meta.url))
  )
  try {
    await Promise.all(workers.map(work))
  } finally {
    await Promise.all(workers.map(worker => worker.terminate()))
  }
  signal.throwIfAborted()
  return runs
}
