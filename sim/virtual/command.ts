/** `npm run sim -- virtual`: a large mesh on virtual time, an hour of it in minutes. */

import { parseArgs } from 'node:util'
import { BrokenInvariant } from './checker.ts'
import { disagreement } from './liveness.ts'
import { largePlan } from './plan.ts'
import { World } from './world.ts'

const HELP = `Usage: npm run sim -- virtual [options]

  --nodes N   how many virtual nodes (10 to 2000; default 1000)
  --hours H   how long, in their time (0.25 to 24; default 1)
  --seed N    everything random comes from it (0 to 4294967295; default 0)
  --json      the outcome as one object on stdout

Exit codes: 0 every promise held, 1 not, 2 usage.`

const USAGE_EXIT_CODE = 2
const REPORT_EVERY_MS = 300_000
const EVENTS_SHOWN = 40

export async function virtual(args: string[], signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      nodes: { type: 'string', default: '1000' },
      hours: { type: 'string', default: '1' },
      seed: { type: 'string', default: '0' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  const [nodes, hours, seed] = [Number(values.nodes), Number(values.hours), Number(values.seed)]
  const usable = Number.isInteger(nodes) && nodes >= 10 && nodes <= 2000 && hours >= 0.25 && hours <= 24
  if (values.help || !usable || !Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    console.error(HELP)
    return values.help ? 0 : USAGE_EXIT_CODE
  }

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
  if (values.json) console.log(JSON.stringify(outcome))
  else
    for (const [name, value] of Object.entries(outcome))
      console.log(`${name.padEnd(12)} ${JSON.stringify(value)}`)
  return failure === undefined ? 0 : 1
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
