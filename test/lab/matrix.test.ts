/** The networks on which the system's own mDNS would not do. The others run with `npm run lab -- matrix`. */

import { matrix } from '../../lab/scenarios/matrix.ts'
import { describeOnLan } from '../lan/lan.ts'
import { itPasses } from './passes.ts'

const NETWORKS = ['vpn-both', 'bridges', 'cable-ipv6', 'card-made-anew', 'firewall-both', 'port-taken']

describeOnLan('on real networks', () => {
  itPasses(matrix, NETWORKS)
})
