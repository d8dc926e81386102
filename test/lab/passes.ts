/** A scenario of the lab as a test. */

import assert from 'node:assert/strict'
import { it } from 'vitest'
import { type LabScenario, outcomeOf } from '../../lab/scenario.ts'

/** Each ends by its own limits; this is for a machine that hangs. */
const TIMEOUT_MS = 240_000

/** @param rungs the only ones that it runs on, where it has any. */
export function itPasses(scenario: LabScenario, rungs: readonly string[] = []): void {
  it(`${scenario.name}: ${scenario.question}`, { timeout: TIMEOUT_MS }, async ({ skip }) => {
    const { outcome, reason, emulator, checks, figures } = await outcomeOf(scenario, rungs, () => {})
    skip(outcome === 'not run', reason)
    const told = figures.map(({ rung, metric, value, unit }) =>
      `${rung ?? ''} ${metric} ${value} ${unit}`.trim()
    )
    console.log(
      `${scenario.name}${emulator === null ? '' : `, links by ${emulator}`}:\n  ${told.join('\n  ')}`
    )
    assert.deepEqual(
      checks.filter(({ holds }) => !holds),
      []
    )
    assert.equal(outcome, 'passed', reason)
  })
}
