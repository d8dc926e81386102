/** `SCENARIO` and `all`: run each, say what was found, and how to repeat it. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Schedule } from './faults/fault.ts'
import type { Outcome } from './outcome.ts'
import type { RunOptions } from './run.ts'
import { nodesOf, type Scenario } from './scenario.ts'
import { numberOf, type Parsed, SEED_MAX, seedOf, type Tool, UsageError } from './tool.ts'

/** One process on a small machine; dialing alone takes a tenth of a second for each node. */
const NODES_MAX = 300
const SEEDS_MAX = 100_000

const options = {
  nodes: { type: 'string' },
  seed: { type: 'string' },
  seeds: { type: 'string', default: '1' },
  replay: { type: 'string' },
  report: { type: 'string' },
  json: { type: 'boolean', default: false }
} as const

/** The tool that runs these, one after the other. */
export const scenarios = (chosen: readonly Scenario[], usage: string): Tool<typeof options> => ({
  usage,
  options,
  async run({ values, positionals }, signal) {
    if (positionals.length > 0) throw new UsageError(`"${positionals[0]}" is no option.`)
    const runs = await runsOf(values)
    const failed: string[] = []
    for (const scenario of chosen) {
      for (const run of runs) {
        if (signal.aborted) return false
        const single = chosen.length * runs.length === 1
        const folder =
          values.report && (single ? values.report : join(values.report, `${scenario.name}-${run.seed}`))
        const passed = await runOne(scenario, { ...run, signal }, { folder, json: values.json })
        if (!passed) failed.push(`${scenario.name} with seed ${run.seed}`)
      }
    }
    const ran = chosen.length * runs.length
    if (ran > 1)
      console.error(
        `${ran} runs, ${failed.length} failed${failed.length > 0 ? `: ${failed.join(', ')}` : ''}.`
      )
    return failed.length === 0
  }
})

async function runsOf(values: Parsed<typeof options>['values']): Promise<RunOptions[]> {
  const nodes =
    values.nodes === undefined ? undefined : numberOf('nodes', values.nodes, { min: 2, max: NODES_MAX })
  const first = seedOf(values.seed)
  const seeds = numberOf('seeds', values.seeds, { min: 1, max: SEEDS_MAX })
  if (values.replay === undefined)
    return Array.from({ length: seeds }, (_, i) => ({ seed: (first + i) % (SEED_MAX + 1), nodes }))
  const replay = await readSchedule(values.replay)
  return [{ seed: replay.seed, nodes: replay.nodes, replay }]
}

async function readSchedule(path: string): Promise<Schedule> {
  let kept: unknown
  try {
    kept = JSON.parse(await readFile(path, 'utf8'))
  } catch (err) {
    throw new UsageError(`${path} cannot be read: ${(err as Error).message}.`)
  }
  const { success, data, error } = Schedule.safeParse(kept)
  if (!success) throw new UsageError(`${path} is no schedule: ${error.issues[0]?.message}.`)
  return data
}

interface Output {
  readonly folder: string | undefined
  readonly json: boolean
}

/** @returns whether its answer is yes. */
async function runOne(scenario: Scenario, run: RunOptions, { folder, json }: Output): Promise<boolean> {
  const { seed, nodes = nodesOf(scenario, seed) } = run
  // Loaded only now: a mistake in the command line is told at once.
  const { runScenario } = await import('./run.ts')
  console.error(`${scenario.name} with ${nodes} nodes, seed ${seed}: ${scenario.question}`)
  const outcome = await runScenario(scenario, { ...run, nodes, report: line => console.error(line) })
  const repeat = await keep(outcome, folder)
  if (json) console.log(JSON.stringify(summaryOf(outcome, repeat)))
  else print(outcome)
  if (repeat !== undefined) console.error(`Repeat it: ${repeat}`)
  return outcome.passed
}

/** A failure's schedule is kept in any case, for the next one may look otherwise. */
async function keep(outcome: Outcome, folder: string | undefined): Promise<string | undefined> {
  if (folder === undefined && outcome.passed) return undefined
  if (folder !== undefined) await mkdir(folder, { recursive: true })
  const path = folder
    ? join(folder, 'schedule.json')
    : join(tmpdir(), `lumos-sim-${outcome.scenario}-${outcome.seed}.json`)
  await writeFile(path, `${JSON.stringify(outcome.schedule, null, 2)}\n`)
  const repeat = `npm run sim -- ${outcome.scenario} --replay ${path}`
  const { page } = await import('./report/page.ts')
  if (folder !== undefined) await writeFile(join(folder, 'report.html'), page({ ...outcome, repeat }))
  return repeat
}

function summaryOf({ history, schedule, ...outcome }: Outcome, repeat: string | undefined) {
  const requests = history.requests().size
  return { ...outcome, requests, faults: schedule.entries.length, repeat: repeat ?? outcome.repeat }
}

function print({ findings, failures, shortfalls, passed }: Outcome): void {
  for (const { metric, value, unit } of findings) {
    const shown = Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 10 ? 2 : 0)
    console.log(`${metric.padEnd(36)} ${shown.padStart(10)} ${unit}`)
  }
  for (const failure of failures) console.log(failure)
  for (const promise of shortfalls) console.log(`It falls short of this: ${promise}.`)
  console.log(passed ? 'Yes.' : 'No.')
}
