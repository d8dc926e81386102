/** `npm run sim -- virtual`: a large mesh on virtual time, an hour of it in minutes. */

import { numberOf, SEED_MAX, type Tool } from '../tool.ts'
import { disagreement } from './liveness.ts'
import { largePlan } from './plan.ts'
import { BrokenInvariant } from './promises.ts'
import { World } from './world.ts'

const USAGE = `Usage: npm run sim -- virtual [options]

  --nodes N   how many virtual nodes (10 to 2000; default 1000)
  --hours H   how long, in their time (0.25 to 24; default 1)
  --seed N    everything random comes from it (0 to 4294967295; default 0)
  --json      the outcome as one object on stdout

Exit codes: 0 every promise held, 1 not, 2 usage.`

const REPORT_EVERY_MS = 300_000
const EVENTS_SHOWN = 40

const options = {
  nodes: { type: 'string', default: '1000' },
  hours: { type: 'string', default: '1' },
  seed: { type: 'string', default: '0' },
  json: { type: 'boolean', default: false }
} as const

export const virtual: Tool<typeof options> = {
  usage: USAGE,
  options,
  run: ({ values }, signal) =>
    runVirtual(
      {
        nodes: numberOf('nodes', values.nodes, { min: 10, max: 2000 }),
        hours: numberOf('hours', values.hours, { min: 0.25, max: 24, whole: false }),
        seed: numberOf('seed', values.seed, { max: SEED_MAX }),
        json: values.json
      },
      signal
    )
}

interface Wanted {
  readonly nodes: number
  readonly hours: number
  readonly seed: number
  readonly json: boolean
}

function runVirtual({ nodes, hours, seed, json }: Wanted, signal: AbortSignal): boolean {
  const world = new World(largePlan(seed, nodes, hours))
  const beganMs = performance.now()
  const failure = live(world, hours * 3_600_000, signal)
  const outcome = {
    nodes,
    hours,
    seed,
    passed: failure === undefined,
    failure,
    faults: world.plan.faults.length,
    events: world.trace.count,
    hash: world.trace.hash,
    requests: Object.fromEntries(world.checker.outcomes),
    cpuS: process.cpuUsage().user / 1e6,
    wallS: (performance.now() - beganMs) / 1000,
    memoryBytes: process.memoryUsage.rss()
  }
  if (json) console.log(JSON.stringify(outcome))
  else
    for (const [name, value] of Object.entries(outcome))
      console.log(`${name.padEnd(12)} ${JSON.stringify(value)}`)
  return failure === undefined
}

/** @returns what broke a promise. */
function live(world: World, endMs: number, signal: AbortSignal): string | undefined {
  try {
    world.start()
    for (let ms = REPORT_EVERY_MS; ms <= endMs; ms += REPORT_EVERY_MS) {
      signal.throwIfAborted()
      world.run(ms)
      console.error(
        `  ${ms / 60_000} min: ${(world.trace.count / 1e6).toFixed(1)} million events and effects`
      )
    }
    world.run(endMs)
    world.checker.idle()
    const missing = disagreement(world)
    if (missing !== undefined) throw new BrokenInvariant('L1', missing)
    return undefined
  } catch (thrown) {
    for (const line of world.trace.last(EVENTS_SHOWN)) console.error(line)
    return (thrown as Error).message
  }
}
