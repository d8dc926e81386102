import { describe, expect, it } from 'vitest'
import { page } from '../../sim/report/page.ts'
import { runScenario } from '../../sim/run.ts'
import { SCENARIOS } from '../../sim/scenarios/index.ts'
import { swarmNodes } from '../../sim/scenarios/swarm-nodes.ts'
import { readPage, textOf } from './well-formed.ts'

/**
 * Run by name only: they wait until pings have gone unanswered for fifteen seconds, use
 * links on which everything takes a minute, bring seven hostile peers (`hostile.test.ts`
 * has each of them), write thousands of times (the lab has the same with real processes), or
 * compare rates, for which a machine must have nothing else to do.
 */
const BY_NAME_ONLY = new Set([
  'half-open',
  'one-way-link',
  'barely-usable',
  'hostile-members',
  'memory-split',
  'overload'
])
/** A mesh of another size than its default, where that would take longer and show no more. */
const NODES: Record<string, number> = {
  'first-contact': 7,
  'changed-manifest': 7,
  'partition-and-heal': 6,
  'power-cuts': 6
}
/** What this machine does besides, nobody knows. */
const TIMEOUT_MS = 300_000

describe('each scenario', () => {
  const quick = SCENARIOS.filter(({ name }) => !BY_NAME_ONLY.has(name))

  it.each(quick)('$name: $question', { timeout: TIMEOUT_MS }, async scenario => {
    const outcome = await runScenario(scenario, { seed: 1, nodes: NODES[scenario.name] })
    expect(outcome.failures).toEqual([])
    const report = textOf(readPage(page(outcome)))
    for (const fact of [scenario.question, 'Yes.', 'node-0']) expect(report).toContain(fact)
    expect(outcome.shortfalls).toEqual([])
  })
})

describe('the swarm', () => {
  it('recovers from what another seed has in store for it', { timeout: TIMEOUT_MS }, async () => {
    const outcome = await runScenario(swarmNodes, { seed: 6 })
    expect(outcome.failures).toEqual([])
  })
})
