/** All scenarios, by the order in which one would read them. */

import type { Scenario } from '../scenario.ts'
import { barelyUsable } from './barely-usable.ts'
import { changedManifest } from './changed-manifest.ts'
import { clockSkew } from './clock-skew.ts'
import { cutStream } from './cut-stream.ts'
import { firstContact } from './first-contact.ts'
import { flappingLink } from './flapping-link.ts'
import { halfOpen } from './half-open.ts'
import { hostileMembers } from './hostile-members.ts'
import { memorySplit } from './memory-split.ts'
import { oneWayLink } from './one-way-link.ts'
import { overload } from './overload.ts'
import { partitionAndHeal } from './partition-and-heal.ts'
import { pausedNode } from './paused-node.ts'
import { powerCuts } from './power-cuts.ts'
import { providerLoss } from './provider-loss.ts'
import { revocationUnderPartition } from './revocation-under-partition.ts'
import { singleFaults } from './single-faults.ts'
import { slowPeer } from './slow-peer.ts'
import { swarmNodes } from './swarm-nodes.ts'

export const SCENARIOS: readonly Scenario[] = [
  firstContact,
  changedManifest,
  providerLoss,
  cutStream,
  slowPeer,
  overload,
  singleFaults,
  halfOpen,
  oneWayLink,
  flappingLink,
  partitionAndHeal,
  memorySplit,
  barelyUsable,
  pausedNode,
  powerCuts,
  clockSkew,
  revocationUnderPartition,
  hostileMembers,
  swarmNodes
]
