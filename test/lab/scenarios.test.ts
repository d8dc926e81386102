/**
 * The lab in short: some promises of the first issues and two rungs of the link
 * ladder, with real processes. The rest is `npm run lab -- all`.
 */

import assert from 'node:assert/strict'
import { it } from 'vitest'
import { type LabScenario, outcomeOf } from '../../lab/scenario.ts'
import { addresses } from '../../lab/scenarios/addresses.ts'
import { linkLadder } from '../../lab/scenarios/link-ladder.ts'
import { matrix } from '../../lab/scenarios/matrix.ts'
import { sameLan } from '../../lab/scenarios/same-lan.ts'
import { partition } from '../../lab/scenarios/several-lans.ts'
import type { PresetName } from '../../sim/network/presets.ts'
import { describeOnLan } from '../lan/lan.ts'

/** A good link, and one with delay and loss. */
const RUNGS: readonly PresetName[] = ['good-wifi', 'weak-4g']
/** Networks on which the system's own mDNS would not do. */
const NETWORKS = ['vpn-both', 'bridges', 'cable-ipv6', 'card-made-anew', 'firewall-both', 'port-taken']
/** Each ends by its own limits; this is for a machine that hangs. */
const TIMEOUT_MS = 240_000

describeOnLan('on real networks', () => {
  it.for<{ scenario: LabScenario; rungs: readonly string[] }>([
    { scenario: sameLan, rungs: [] },
    { scenario: addresses, rungs: [] },
    { scenario: partition, rungs: [] },
    { scenario: matrix, rungs: NETWORKS },
    { scenario: linkLadder, rungs: RUNGS }
  ])('$scenario.name: $scenario.question', { timeout: TIMEOUT_MS }, async ({ scenario, rungs }, { skip }) => {
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
})
