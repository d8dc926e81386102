import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { PRODUCT_CORES } from '../../../sim/virtual/cores.ts'
import { type Plan, swarmPlan } from '../../../sim/virtual/plan.ts'
import { runPlan, runSeed } from '../../../sim/virtual/swarm.ts'
import type { SwarmReport } from '../../../sim/virtual/swarm-report.ts'
import { World } from '../../../sim/virtual/world.ts'
import { PLANTED } from './planted.ts'

const MAIN = join(import.meta.dirname, '../../../sim/main.ts')
/** A hundred seeds, each twice, take a quarter of a minute of one quiet core. */
const SEEDS_TIMEOUT_MS = 600_000
/** A planted bug must be found within as many. */
const PLANTED_SEEDS_MAX = 30
/** Many requests a minute bring out within a few seeds what else takes hundreds, such as a budget that never binds. */
const BUSY = 150
const PLANTED_TIMEOUT_MS = 240_000
/** The third of three hears nothing of the removal of a fourth: nearly every copy is lost on the way to it. */
const removalLost = (seed: number): Plan => ({
  ...swarmPlan(seed),
  nodes: [0, 1, 2, 3].map(node => ({
    role: 'honest',
    capabilities: [{ task: 'text-generation', model: 'echo', slots: 1, warm: true }],
    acquaintances: [0, 1, 2, 3].filter(other => other !== node),
    issuer: node < 2 ? undefined : 0
  })),
  link: { delayMs: 5, jitterMs: 1, lossRate: 0 },
  models: ['echo'],
  chunkMs: 5,
  startWithinMs: 1000,
  healedMs: 40_000,
  faults: [
    { type: 'loss', atMs: 20_000, node: 2, rate: 0.9, forMs: 10_000 },
    { type: 'revoke', atMs: 25_000, by: 0, subject: 3 }
  ]
})

/** The first asks, the second takes everything and gives nothing, and the third answers. */
const oneWedged = (seed: number): Plan => ({
  ...removalLost(seed),
  nodes: (['honest', 'dropper', 'honest'] as const).map((role, i) => ({
    role,
    capabilities: i === 0 ? [] : [{ task: 'text-generation', model: 'echo', slots: 1, warm: true }],
    acquaintances: [0, 1, 2].filter(other => other !== i),
    issuer: undefined
  })),
  requestsPerMinute: 0,
  faults: []
})

describe('a peer that is wedged', () => {
  it('costs its caller one and a half seconds, and then the next one answers', () => {
    const tookMs = [1, 2, 3, 4, 5, 6].map(seed => {
      const world = new World(oneWedged(seed))
      world.start()
      world.run(20_000)
      const request = world.nextNumber()
      world.checker.watch(request)
      world.nodes[0]!.life!.asker.ask(request, { model: 'echo', budgetMs: 30_000 })
      while (world.checker.outcomeOf(request) === undefined) world.run(world.nowMs + 10)
      expect(world.checker.outcomeOf(request)).toBe('ok')
      return world.nowMs - 20_000
    })
    // Where the other is nearer, the wedged one is never asked.
    expect(Math.max(...tookMs)).toBeGreaterThanOrEqual(1500)
    expect(Math.max(...tookMs)).toBeLessThan(2000)
  })
})

describe('the swarm', () => {
  it('keeps every promise in 50 random meshes, each run twice with one trace', {
    timeout: SEEDS_TIMEOUT_MS
  }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'swarm', '--seeds', '50', '--json'])
    const report = JSON.parse(stdout) as SwarmReport
    expect(report.failures.map(({ seed, message }) => `${seed}: ${message}`)).toEqual([])
    expect(report.passed).toBe(50)
    expect(report.outcomes.ok).toBeGreaterThan(2500)
  })

  it('gives one seed one trace, and another seed another', () => {
    const [first, again, other] = [runSeed(3), runSeed(3), runSeed(4)]
    expect(again.hash).toBe(first.hash)
    expect(again.events).toBe(first.events)
    expect(other.hash).not.toBe(first.hash)
  })

  it('says what was drawn, when it broke, what came before, and how to repeat it', async () => {
    const { cores } = PLANTED.find(({ breaks }) => breaks === 'S9')!
    const failed = firstFailure(cores)!
    expect(failed.plan).toMatch(/^\d+ nodes.*links of .* ms and .* % loss; .* healed at \d+ s$/)
    expect(failed.failure?.events.length).toBeGreaterThan(10)
    expect(failed.failure?.atMs).toBeGreaterThan(0)
  })

  it('notices a removal that gossip lost and nobody repeats', () => {
    const cores = { ...PRODUCT_CORES, removalsFrom: () => [] }
    const broken = [1, 2, 3, 4].map(seed => runPlan(removalLost(seed), { cores }).failure?.invariant)
    expect(broken).toContain('L1')
    const kept = [1, 2, 3, 4].map(seed => runPlan(removalLost(seed)).failure?.message)
    expect(kept).toEqual([undefined, undefined, undefined, undefined])
  })

  it('finds nothing in the product where it finds what was planted', { timeout: PLANTED_TIMEOUT_MS }, () => {
    expect(firstFailure(PRODUCT_CORES)?.failure?.message).toBeUndefined()
  })

  it.each(PLANTED)(
    'finds $bug, and calls it $breaks',
    { timeout: PLANTED_TIMEOUT_MS },
    ({ breaks, cores }) => {
      expect(firstFailure(cores)?.failure?.invariant).toBe(breaks)
    }
  )
})

function firstFailure(cores: (typeof PLANTED)[number]['cores']) {
  for (let seed = 0; seed < PLANTED_SEEDS_MAX; seed++) {
    const run = runPlan({ ...swarmPlan(seed), requestsPerMinute: BUSY }, { cores })
    if (run.failure !== undefined) return run
  }
  return undefined
}
