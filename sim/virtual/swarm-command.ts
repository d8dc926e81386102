/** `npm run sim -- swarm`: many random meshes, each disturbed, healed and judged. */

import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { numberOf, SEED_MAX, type Tool } from '../tool.ts'
import { runSeed, type SwarmRun } from './swarm.ts'
import { failureLines, linesOf, reportOf } from './swarm-report.ts'

const USAGE = `Usage: npm run sim -- swarm [options]

  --seeds N     how many seeds, each run twice (1 to 1000000; default 200)
  --first S     the first of them (default 0)
  --seed S      one seed, and what was drawn for it
  --trace       with --seed: everything that happens, as it happens
  --report DIR  write swarm.json and swarm.txt there
  --json        the report as one object on stdout

Exit codes: 0 all passed, 1 not, 2 usage.`

const SEEDS_MAX = 1_000_000

const options = {
  seeds: { type: 'string', default: '200' },
  first: { type: 'string', default: '0' },
  seed: { type: 'string' },
  trace: { type: 'boolean', default: false },
  report: { type: 'string' },
  json: { type: 'boolean', default: false }
} as const

export const swarm: Tool<typeof options> = {
  usage: USAGE,
  options,
  async run({ values: { seeds, first, seed, ...output } }, signal) {
    if (seed !== undefined) return runOne(numberOf('seed', seed, { max: SEED_MAX }), output)
    const count = numberOf('seeds', seeds, { min: 1, max: SEEDS_MAX })
    const from = numberOf('first', first, { max: SEED_MAX })
    return await runMany(from, count, { json: output.json, folder: output.report, signal })
  }
}

function runOne(seed: number, { trace, json }: { trace: boolean; json: boolean }): boolean {
  const run = runSeed(seed, trace ? { print: line => console.log(line) } : {})
  if (json) console.log(JSON.stringify(run))
  else if (run.failure === undefined) console.log(`Yes. ${run.plan}; trace ${run.hash}`)
  else console.log(failureLines({ seed, plan: run.plan, ...run.failure }).join('\n'))
  return run.failure === undefined
}

interface ManyOptions {
  readonly json: boolean
  readonly folder: string | undefined
  readonly signal: AbortSignal
}

async function runMany(
  first: number,
  seeds: number,
  { json, folder, signal }: ManyOptions
): Promise<boolean> {
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
  return report.passed === seeds
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
