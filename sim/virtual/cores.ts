/**
 * What a virtual node is made of: the cores of the product, and the few rules
 * of their shells that a fault can turn on. A test hands in a broken one to
 * prove that it is found.
 */

import { stepAdmission } from '../../capabilities/admission-core.ts'
import { removalsFrom, stepPulls } from '../../node/manifest-schedule.ts'
import { stepMembers } from '../../node/membership/members-core.ts'
import { stepProviders } from '../../node/provider-core.ts'
import { stepRouter } from '../../node/router-core.ts'

export const PRODUCT_CORES = {
  admission: stepAdmission,
  members: stepMembers,
  providers: stepProviders,
  pulls: stepPulls<number>,
  removalsFrom: removalsFrom<number>,
  router: stepRouter,
  /** `core.db` commits with `synchronous=FULL`: a write is on the platter before it is acknowledged. */
  commitsAreSynced: true
}

export type Cores = typeof PRODUCT_CORES
