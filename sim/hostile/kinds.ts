/** What hostile peers there are. Apart from what they do, so that a schedule can be read without it. */

export const HOSTILE_KINDS = [
  /** Claims what is not true, and answers late, wrong or not at all. */
  'liar',
  /** Brings old manifests and revocations back. */
  'replayer',
  /** Two contents for one number. */
  'equivocator',
  /** Gossip and streams without end. */
  'flooder',
  /** Streams that say one byte now and then. */
  'slowloris',
  /** Garbage in every protocol. */
  'corruptor',
  /** Well-formed envelopes with poison inside. */
  'poisoner'
] as const
export type HostileKind = (typeof HOSTILE_KINDS)[number]
