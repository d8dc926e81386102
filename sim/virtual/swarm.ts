/**
 * One seed of the swarm: a random mesh is disturbed at random, then healed, and
 * then everything must be well again.
 */

import type { Cores } from './cores.ts'
import { disagreement, probe, separation } from './liveness.ts'
import { describePlan, type Plan, swarmPlan } from './plan.ts'
import { BrokenInvariant, type Invariant } from './promises.ts'
import { World } from './world.ts'

/** The longest that a redial waits, and two rounds of announcements and pulls. */
const HEALING_MS = 480_000
const LOOK_MS = 5000
/** A request's budget, and what its ends allow each other on top. */
const GRACE_MS = 5000
/** A peer that was lost is asked again once it is heard of, and it announces itself once a minute. */
const HEARD_OF_MS = 75_000

export interface SwarmRun {
  readonly seed: number
  readonly plan: string
  readonly hash: string
  /** Events and effects. */
  readonly events: number
  readonly virtualMs: number
  /** After the healing, until all agreed. */
  readonly agreedMs: number | undefined
  readonly outcomes: Readonly<Record<string, number>>
  readonly failure: SwarmFailure | undefined
}

export interface SwarmFailure {
  readonly invariant: Invariant
  readonly message: string
  readonly atMs: number
  /** The last that happened before. */
  readonly events: readonly string[]
}

export interface SwarmOptions {
  readonly cores?: Cores
  readonly print?: (line: string) => void
}

/** Lines of the trace that a failure shows. */
const EVENTS_SHOWN = 40

export const runSeed = (seed: number, options?: SwarmOptions): SwarmRun => runPlan(swarmPlan(seed), options)

export function runPlan(plan: Plan, options: SwarmOptions = {}): SwarmRun {
  const world = new World(plan, options)
  let agreedMs: number | undefined
  let failure: SwarmFailure | undefined
  try {
    world.start()
    agreedMs = live(world, plan)
  } catch (thrown) {
    const { invariant, message } =
      thrown instanceof BrokenInvariant ? thrown : new BrokenInvariant('S12', String((thrown as Error).stack))
    failure = { invariant, message, atMs: world.nowMs, events: world.trace.last(EVENTS_SHOWN) }
  }
  return {
    seed: plan.seed,
    plan: describePlan(plan),
    hash: world.trace.hash,
    events: world.trace.count,
    virtualMs: world.nowMs,
    agreedMs,
    outcomes: Object.fromEntries(world.checker.outcomes),
    failure
  }
}

/** @returns how long after the healing all agreed. */
function live(world: World, plan: Plan): number {
  world.run(plan.healedMs)
  let missing: string | undefined
  for (let ms = plan.healedMs; ; ms += LOOK_MS) {
    missing = separation(world) ?? disagreement(world)
    if (missing === undefined) break
    if (ms - plan.healedMs > HEALING_MS) {
      throw new BrokenInvariant(separation(world) === undefined ? 'L1' : 'L4', missing)
    }
    world.run(ms + LOOK_MS)
  }
  const agreedMs = world.nowMs - plan.healedMs

  const quietMs = Math.max(world.nowMs, plan.requestsUntilMs) + 1.2 * plan.budgetMs + GRACE_MS
  world.run(Math.max(quietMs, plan.healedMs + HEARD_OF_MS))
  world.checker.idle()
  probe(world)
  world.checker.idle()
  return agreedMs
}

/** A seed must end with one hash, however often it runs: else nothing it finds could be repeated. */
export function runSeedTwice(seed: number): SwarmRun {
  const [first, second] = [runSeed(seed), runSeed(seed)]
  if (first.hash === second.hash) return first
  const message = `the second run of seed ${seed} ended with ${second.hash}, the first with ${first.hash}`
  return { ...first, failure: { invariant: 'D1', message, atMs: first.virtualMs, events: [] } }
}
