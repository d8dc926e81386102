/**
 * The lab in short: some promises of the first issues and two rungs of the link
 * ladder, with real processes. The rest is `npm run lab -- all`.
 */

import { addresses } from '../../lab/scenarios/addresses.ts'
import { linkLadder } from '../../lab/scenarios/link-ladder.ts'
import { sameLan } from '../../lab/scenarios/same-lan.ts'
import { partition } from '../../lab/scenarios/several-lans.ts'
import type { PresetName } from '../../sim/network/presets.ts'
import { describeOnLan } from '../lan/lan.ts'
import { itPasses } from './passes.ts'

/** A good link, and one with delay and loss. */
const RUNGS: readonly PresetName[] = ['good-wifi', 'weak-4g']

describeOnLan('on real networks', () => {
  itPasses(sameLan)
  itPasses(addresses)
  itPasses(partition)
  itPasses(linkLadder, RUNGS)
})
