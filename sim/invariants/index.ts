/** Every promise that a run is held to, whatever its question. */

import { answersAreTrue, nothingIsStuck, retriesAreBounded } from './answers.ts'
import type { Invariant } from './invariant.ts'
import { manifestsOnlyGrow, refusalsChangeNothing } from './manifests.ts'
import { revokedAreNotServed, saidStaysSaid, strangersGetNothing } from './membership.ts'
import { nothingIsUncaught, resourcesAreBounded } from './process.ts'
import { allAgree, allAnswer } from './recovery.ts'

export const INVARIANTS: readonly Invariant[] = [
  saidStaysSaid,
  answersAreTrue,
  strangersGetNothing,
  revokedAreNotServed,
  manifestsOnlyGrow,
  resourcesAreBounded,
  refusalsChangeNothing,
  nothingIsUncaught,
  retriesAreBounded,
  allAgree,
  nothingIsStuck,
  allAnswer
]
