/**
 * Where an envelope stands in the chain of its writer: pure. A writer that signed two envelopes of one number is frozen
 * before it: on each device that sees the proof the same envelopes count, whichever of the two came first.
 */

import { equal } from '../../../protocols/memory/envelope.ts'

export interface ChainHead {
  readonly seq: number
  readonly hash: Uint8Array
  readonly clock: number
  /** Two envelopes with this number exist; `seq`, `hash` and `clock` are those of the one before. */
  readonly frozen?: number | undefined
}

export interface ChainPlace {
  readonly seq: number
  readonly prev: Uint8Array
  readonly hash: Uint8Array
  readonly clock: number
}

/** What is known of an envelope that another one depends on. */
export type Dependency =
  | { readonly state: 'applied'; readonly clock: number }
  /** Its writer is frozen before it, or a checkpoint took its place: `clock` is not its own, and no larger. */
  | { readonly state: 'unclocked'; readonly clock: number }
  | { readonly state: 'missing' }

export type Placed =
  | { readonly type: 'next' }
  | { readonly type: 'known' }
  | { readonly type: 'waits' }
  | { readonly type: 'equivocated' }
  | { readonly type: 'invalid'; readonly why: string }

/** How far a clock may go beyond what is known, where it follows an envelope whose clock is not known. */
export const CLOCK_SLACK = 1_000_000
/** Beyond it additions are no longer exact; a writer that counts honestly never comes near. */
const CLOCK_MAX = 2 ** 52

/**
 * @param head of its writer, none for a life that was not seen yet.
 * @param known hash of the envelope of this number, where it is here.
 */
export function place(
  envelope: ChainPlace,
  head: ChainHead | undefined,
  known: Uint8Array | undefined,
  after: readonly Dependency[]
): Placed {
  const { seq, prev, hash, clock } = envelope
  if (head?.frozen !== undefined && seq >= head.frozen) return { type: 'known' }
  if (known !== undefined) return { type: equal(known, hash) ? 'known' : 'equivocated' }
  const last = head?.seq ?? 0
  // It was here once, and a checkpoint has taken its place.
  if (seq <= last) return { type: 'known' }
  if (seq > last + 1) return { type: 'waits' }
  // Two envelopes of one number prove that a writer equivocated; this one alone proves nothing to others.
  if (head === undefined ? !isZero(prev) : !equal(prev, head.hash))
    return { type: 'invalid', why: `it follows another envelope than number ${last}` }
  if (after.some(({ state }) => state === 'missing')) return { type: 'waits' }
  return hasRightClock(clock, head?.clock ?? 0, after)
    ? { type: 'next' }
    : { type: 'invalid', why: `its clock of ${clock} does not follow from what it depends on` }
}

function hasRightClock(clock: number, own: number, after: readonly Dependency[]): boolean {
  let least = own
  for (const one of after) if (one.state !== 'missing') least = Math.max(least, one.clock)
  const most = after.some(({ state }) => state === 'unclocked') ? least + CLOCK_SLACK : least
  return clock > least && clock <= most + 1 && clock <= CLOCK_MAX
}

const isZero = (bytes: Uint8Array): boolean => bytes.every(byte => byte === 0)
