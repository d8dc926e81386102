/**
 * What a virtual node is made of: the cores of the product, and the few rules
 * of their shells that a fault can turn on. A test hands in a broken one to
 * prove that it is found.
 */

import {
  type AdmissionEffect,
  type AdmissionEvent,
  type AdmissionState,
  stepAdmission
} from '../../capabilities/serving/admission-core.ts'
import type { Core } from '../../interface/core.ts'
import {
  type PullEffect,
  type PullEvent,
  type PullState,
  stepPulls
} from '../../node/manifests/manifest-schedule.ts'
import {
  type ProviderEffect,
  type ProviderEvent,
  type ProviderState,
  stepProviders
} from '../../node/manifests/provider-core.ts'
import { stepMembers } from '../../node/membership/members-core.ts'
import type { MembersEffect, MembersEvent, MembersState } from '../../node/membership/members-state.ts'
import { removalsFrom } from '../../node/membership/revocation-schedule.ts'
import { stepRouter } from '../../node/routing/router-core.ts'
import type { RouterEffect, RouterEvent, RouterState } from '../../node/routing/router-state.ts'

export interface Cores {
  readonly admission: Core<AdmissionState, AdmissionEvent, AdmissionEffect>
  readonly members: Core<MembersState, MembersEvent, MembersEffect>
  readonly providers: Core<ProviderState, ProviderEvent, ProviderEffect>
  readonly pulls: Core<PullState, PullEvent<number>, PullEffect<number>>
  readonly router: Core<RouterState, RouterEvent, RouterEffect>
  readonly removalsFrom: typeof removalsFrom<number>
  /** Whether a write is on the platter before it is acknowledged. */
  readonly commitsAreSynced: boolean
}

export const PRODUCT_CORES: Cores = {
  admission: stepAdmission,
  members: stepMembers,
  providers: stepProviders,
  pulls: stepPulls,
  router: stepRouter,
  removalsFrom,
  // `core.db` commits with `synchronous=FULL`.
  commitsAreSynced: true
}
