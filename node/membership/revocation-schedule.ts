/** When sets of revocations are compared, and with which peers. */

import type { Random } from '../../interface/clock.ts'
import { sample } from '../../interface/sample.ts'

/** Gossip may lose a removal, and no peer repeats it: sets are compared with a few peers this often. */
export const REMOVALS_INTERVAL_MS = 60_000
const REMOVALS_PEERS = 3

export const removalsFrom = <Peer>(peers: readonly Peer[], random: Random): Peer[] =>
  sample(peers, REMOVALS_PEERS, random)
