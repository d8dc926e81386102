/** Runs one scenario, and judges it by what it says must hold and by all the invariants. */

import { Cluster } from './cluster.ts'
import type { Schedule } from './faults/fault.ts'
import { INVARIANTS } from './invariants/index.ts'
import { PRESETS } from './network/presets.ts'
import type { Finding, Outcome } from './outcome.ts'
import { forkRandom } from './random.ts'
import { nodesOf, type Scenario } from './scenario.ts'
import { Stage } from './stage.ts'

const ACQUAINTANCES = 3
/** A scenario that takes longer has failed: nodes that wait for each other never end by themselves. */
const TIMEOUT_MS = 120_000
/** Two hundred manifests reach two hundred nodes, each with its signatures checked, all on one busy processor. */
const TIMEOUT_MS_PER_NODE = 8000
/** What is under way when a scenario ends gets this long: longer than any answer it asks for, shorter than a hang. */
const IDLE_MS = 5000

export interface RunOptions {
  readonly seed: number
  readonly nodes?: number
  /** Of an earlier run, to be repeated. */
  readonly replay?: Schedule
  /** Ends the run. */
  readonly signal?: AbortSignal
  report?(line: string): void
}

export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Outcome> {
  const { seed, nodes = nodesOf(scenario, seed), replay, report = () => {} } = options
  const { name, question, link = 'lan', acquaintances = ACQUAINTANCES } = scenario
  const time = AbortSignal.timeout(TIMEOUT_MS + nodes * TIMEOUT_MS_PER_NODE)
  const signal = AbortSignal.any([time, ...(options.signal ? [options.signal] : [])])
  await using cluster = await Cluster.create({
    nodes,
    seed,
    acquaintances,
    link: PRESETS[link],
    configure: index => scenario.configure?.(index) ?? {}
  })
  using stage = new Stage({ cluster, random: forkRandom(seed, name), signal, replay, report })

  let findings: readonly Finding[] = []
  try {
    findings = await scenario.run(stage)
    await stage.until('all requests have ended', () => isIdle(stage), IDLE_MS)
  } catch (thrown) {
    stage.failures.push(thrown instanceof Error ? thrown.message : String(thrown))
  }
  stage.look()
  stage.observer.weigh()

  const { history, failures, shortfalls } = stage
  const promises = INVARIANTS.map(({ id, promise, broken }) => ({
    id,
    promise,
    broken: [...broken(history)]
  }))
  for (const { id, broken } of promises) {
    if (broken.length > 0)
      failures.push(`${id}: ${broken[0]}${broken.length > 1 ? ` (${broken.length} times)` : ''}`)
  }
  return {
    scenario: name,
    question,
    seed,
    nodes,
    link,
    passed: failures.length === 0,
    failures,
    shortfalls,
    promises,
    findings: [...findings, { metric: 'slowed by other programs', value: stage.slowness, unit: 'times' }],
    durationMs: cluster.elapsedMs,
    schedule: cluster.schedule,
    repeat: `npm run sim -- ${name} --nodes ${nodes} --seed ${seed}`,
    history
  }
}

const isIdle = ({ cluster }: Stage): boolean =>
  cluster.alive.every(node => {
    const { own, running, queued } = node.status().requests
    return own + running + queued === 0
  })
