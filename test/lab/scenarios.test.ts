/**
 * The lab in short: some promises of the first issues, with real processes. Longer ones are `networks.long.ts`, and the rest is
 * `npm run lab -- all`.
 */

import { addresses } from '../../lab/scenarios/addresses.ts'
import { sameLan } from '../../lab/scenarios/same-lan.ts'
import { describeOnLan } from '../lan/lan.ts'
import { itPasses } from './passes.ts'

describeOnLan('on real networks', () => {
  itPasses(sameLan)
  itPasses(addresses)
})
