/** Networks, links and a split that take a minute each, with real processes. The rest is `npm run lab -- all`. */

import { linkLadder } from '../../lab/scenarios/link-ladder.ts'
import { matrix } from '../../lab/scenarios/matrix.ts'
import { partition } from '../../lab/scenarios/several-lans.ts'
import { describeOnLan } from '../lan/lan.ts'
import { itPasses } from './passes.ts'

describeOnLan('on real networks', () => {
  itPasses(matrix, ['vpn-both', 'bridges', 'cable-ipv6', 'card-made-anew', 'firewall-both', 'port-taken'])
  itPasses(partition)
  // A good link, and one with delay and loss.
  itPasses(linkLadder, ['good-wifi', 'weak-4g'])
})
