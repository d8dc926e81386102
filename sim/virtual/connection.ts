/** Links between virtual nodes, and the connections on them, as data. */

/** One direction between two nodes. */
export interface Link {
  readonly from: number
  readonly to: number
  delayMs: number
  jitterMs: number
  lossRate: number
  /** Carries nothing; counted, because several faults may overlap. */
  blocks: number
}

/** One end of a connection: what a node holds of it. */
export interface Side {
  readonly connection: Connection
  readonly end: 0 | 1
  readonly node: number
  readonly peer: number
  readonly out: Link
  /** Both have said hello and accepted each other, as far as this end knows. */
  greeted: boolean
}

export interface Connection {
  readonly number: number
  readonly sides: [Side, Side]
  readonly isOpen: [boolean, boolean]
  /** When the last message that each end sent arrives. */
  readonly arrivesMs: [number, number]
  /** What each end sent into a blocked link. */
  readonly held: [unknown[], unknown[]]
  /** Whether gossip runs over it. */
  gossips: boolean
}
