/** What the network stack must know of peers; `membership/guard.ts` answers. */

import type { ConnectionGater } from '@libp2p/interface'

export interface Gate {
  isMember(peerId: string): boolean
  readonly gater: ConnectionGater
  /** The same service, whose protocols members of each role may open, and no other peer. */
  forMembers<C, S>(create: (components: C) => S): (components: C) => S
}
