/** Two networks on which the system's own mDNS would not do. More run with `npm run test:long`, all with `npm run lab -- matrix`. */

import { matrix } from '../../lab/scenarios/matrix.ts'
import { describeOnLan } from '../lan/lan.ts'
import { itPasses } from './passes.ts'

const NETWORKS = ['vpn-both', 'card-made-anew']

describeOnLan('on real networks', () => {
  itPasses(matrix, NETWORKS)
})
