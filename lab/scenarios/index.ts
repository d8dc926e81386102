/** Every scenario, in the order in which `all` runs them. */

import type { LabScenario } from '../scenario.ts'
import { addresses } from './addresses.ts'
import { failOver, swallowedMidAnswer, unpluggedMidAnswer } from './answers.ts'
import { halfOpen, paused } from './dead-paths.ts'
import { linkLadder } from './link-ladder.ts'
import { matrix } from './matrix.ts'
import { revoked } from './membership.ts'
import { memory, memoryTenMinutes } from './memory.ts'
import { powerCut } from './power-cut.ts'
import { sameLan } from './same-lan.ts'
import { behindNat, partition, twoLans } from './several-lans.ts'
import { sharedPull } from './shared-pull.ts'
import { slowBulk } from './slow-bulk.ts'
import { smallBoard } from './small-board.ts'
import { fullDisk, smallMemory } from './small-devices.ts'

export const SCENARIOS: readonly LabScenario[] = [
  sameLan,
  addresses,
  failOver,
  revoked,
  twoLans,
  behindNat,
  partition,
  unpluggedMidAnswer,
  swallowedMidAnswer,
  halfOpen,
  paused,
  powerCut,
  smallMemory,
  fullDisk,
  smallBoard,
  sharedPull,
  memory,
  memoryTenMinutes,
  matrix,
  slowBulk,
  linkLadder
]
