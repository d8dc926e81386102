/** `SCENARIO`: run it, say what was found, and how to repeat it. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closestNames } from '../../interface/closest.ts'
import { Schedule } from '../faults/fault.ts'
import type { Outcome } from '../outcome.ts'
import type { RunOptions } from '../run.ts'
import type { Scenario } from '../scenario.ts'
import { SCENARIOS } from '../scenarios/index.ts'

/** One process on a small machine; dialing alone takes a tenth of a second for each node. */
const NODES_MAX = 300
const SEED_MAX = 2 ** 32 - 1
const USAGE_EXIT_CODE = 2

interface Wanted {
  readonly run: RunOptions
  readonly json: boolean
  readonly reportDir?: string
}

export async function scenario(name: string, args: string[], signal: AbortSignal): Promise<number> {
  const chosen = SCENARIOS.find(known => known.name === name)
  if (chosen === undefined) {
    const names = SCENARIOS.map(known => known.name)
    const [closest] = closestNames(name, names)
    console.error(`There is no scenario "${name}".${closest ? ` Closest: ${closest}.` : ''}`)
    console.error(`There are: ${names.join(', ')}. See also: npm run sim -- help`)
    return USAGE_EXIT_CODE
  }
  return await runOne(chosen, args, signal)
}

/** @param nodesOf how many nodes a seed has, unless the command line says otherwise. */
export async function runOne(
  chosen: Scenario,
  args: string[],
  signal: AbortSignal,
  nodesOf: (seed: number) => number = () => chosen.nodes
): Promise<number> {
  const wanted = await parse(args)
  if (typeof wanted === 'string') {
    console.error(`${wanted} See: npm run sim -- help`)
    return USAGE_EXIT_CODE
  }
  const nodes = wanted.run.nodes ?? nodesOf(wanted.run.seed)
  return await execute(chosen, { ...wanted, run: { ...wanted.run, nodes } }, signal)
}

/** What is wanted, or what is wrong with it. */
async function parse(args: string[]): Promise<Wanted | string> {
  const { values } = parseArgs({
    args,
    options: {
      nodes: { type: 'string' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * (SEED_MAX + 1))) },
      replay: { type: 'string' },
      report: { type: 'string' },
      json: { type: 'boolean', default: false }
    }
  })
  const nodes = values.nodes === undefined ? undefined : Number(values.nodes)
  const seed = Number(values.seed)
  if (nodes !== undefined && (!Number.isInteger(nodes) || nodes < 2 || nodes > NODES_MAX)) {
    return `--nodes is from 2 to ${NODES_MAX}.`
  }
  if (!Number.isInteger(seed) || seed < 0 || seed > SEED_MAX) return `--seed is from 0 to ${SEED_MAX}.`
  const output = { json: values.json, reportDir: values.report }
  if (values.replay === undefined) return { run: { seed, nodes }, ...output }
  const replay = await readSchedule(values.replay)
  if (typeof replay === 'string') return replay
  return { run: { seed: replay.seed, nodes: replay.nodes, replay }, ...output }
}

async function readSchedule(path: string): Promise<Schedule | string> {
  try {
    const read = Schedule.safeParse(JSON.parse(await readFile(path, 'utf8')))
    return read.success ? read.data : `${path} is no schedule: ${read.error.issues[0]?.message}.`
  } catch (err) {
    return `${path} cannot be read: ${(err as Error).message}.`
  }
}

async function execute(
  chosen: Scenario,
  { run, json, reportDir }: Wanted,
  signal: AbortSignal
): Promise<number> {
  const { nodes, seed } = run
  // Loaded only now: whoever made a mistake in the command line hears of it at once.
  const { runScenario } = await import('../run.ts')
  console.error(`${chosen.name} with ${nodes} nodes, seed ${seed}: ${chosen.question}`)
  const outcome = await runScenario(chosen, { ...run, signal, report: line => console.error(line) })

  const repeat = await keep(outcome, reportDir)
  if (json) console.log(JSON.stringify(summaryOf(outcome, repeat)))
  else print(outcome)
  if (repeat !== undefined) console.error(`Repeat it: ${repeat}`)
  return outcome.passed ? 0 : 1
}

/** A failure's schedule is kept in any case, for the next one may look otherwise. */
async function keep(outcome: Outcome, reportDir: string | undefined): Promise<string | undefined> {
  if (reportDir === undefined && outcome.passed) return undefined
  if (reportDir !== undefined) await mkdir(reportDir, { recursive: true })
  const path = reportDir
    ? join(reportDir, 'schedule.json')
    : join(tmpdir(), `lumos-sim-${outcome.scenario}-${outcome.seed}.json`)
  await writeFile(path, `${JSON.stringify(outcome.schedule, null, 2)}\n`)
  const repeat = `npm run sim -- ${outcome.scenario} --replay ${path}`
  const { page } = await import('../report/page.ts')
  if (reportDir !== undefined) await writeFile(join(reportDir, 'report.html'), page({ ...outcome, repeat }))
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
