/** What the cores of sync know, hear and ask for. */

import { equal } from '../../../protocols/memory/envelope.ts'
import type { Offer, StatedHead } from '../../../protocols/memory/messages.ts'

/** What is here of a space. */
export interface SpaceView extends Offer {
  readonly heads: readonly StatedHead[]
  /** Not where its newest key is still to come. */
  readonly isReadable: boolean
}

/** For each writer, the last envelope. */
export type Heads = ReadonlyMap<string, StatedHead>

/** A peer that may know of a space here. */
export interface Served {
  /** The charter that it has, as far as is known, and the checkpoint. */
  version: number
  checkpoint: number
  /** What it has by its own word, was sent, or has sent here: for each writer, up to which envelope. */
  readonly known: Map<string, StatedHead>
  /** Of that, what it has by its own word: what was sent may be lost with the stream. */
  readonly stated: Map<string, StatedHead>
  /** A batch is on its way: the next one follows when it was written. */
  sending: boolean
  /** Something is to be sent after that batch. */
  due: boolean
  /** It was told once that there was no more. */
  ended: boolean
  /** It was sent a checkpoint, and asks anew when it has taken that. */
  paused: boolean
}

/** A space that a peer has offered. */
export interface Offered {
  offer: Offer
  /**
   * `waiting` for another peer to send the same; `asked` for what is missing; `live` has no more, and sends what is new;
   * `late` was asked, and too long ago for others to wait; `refused` sent what does not hold.
   */
  phase: 'waiting' | 'asked' | 'live' | 'late' | 'refused'
  /** When it last sent something that was asked for, or something was refused. */
  progressMs: number
  /** In this asking it has sent what does not hold, and never will. */
  hasBad: boolean
  /** Askings in a row that ended so. */
  badAskings: number
  /** It is not asked for that again before. */
  badUntilMs: number
  /** Heads that it was told of. */
  readonly told: Map<string, StatedHead>
}

export interface SyncPeer {
  /** The stream on which this node offers. */
  link: 'none' | 'opening' | 'open'
  /** No stream is opened before. */
  linkAfterMs: number
  readonly served: Map<string, Served>
  readonly offered: Map<string, Offered>
}

export interface SyncState {
  /** By the charter of the space and the membership as they are now. */
  mayKnow(space: string, peer: string): boolean
  readonly spaces: Map<string, SpaceView>
  /** Members that are connected. */
  readonly peers: Map<string, SyncPeer>
  /** Timers that run. */
  readonly timers: Set<string>
  restateAtMs: number
}

export type SyncEvent =
  /** A space is here, or something in it has changed. `own`: this device wrote. */
  | { readonly type: 'space'; readonly view: SpaceView; readonly own: boolean }
  | { readonly type: 'forgotten'; readonly space: string }
  | { readonly type: 'met' | 'gone' | 'linked' | 'unlinked'; readonly peer: string }
  /** The stream on which the peer offers has ended. */
  | { readonly type: 'unfed'; readonly peer: string }
  | { readonly type: 'offer'; readonly peer: string; readonly offer: Offer }
  | { readonly type: 'end' | 'none'; readonly peer: string; readonly space: string }
  /** What the peer sent was taken, up to these heads; it may be nothing new. */
  | {
      readonly type: 'took'
      readonly peer: string
      readonly space: string
      readonly heads: readonly StatedHead[]
      /** Some of it does not hold, which the peer could not know. */
      readonly isBad?: boolean
    }
  /**
   * What the peer sent depends on what it did not send; does not hold; or was a checkpoint, after which it is asked anew,
   * as it is when more is known of the writers of what was refused.
   */
  | { readonly type: 'gap' | 'refused' | 'rebased'; readonly peer: string; readonly space: string }
  | {
      readonly type: 'want'
      readonly peer: string
      readonly space: string
      readonly version: number
      readonly checkpoint: number
      readonly heads: readonly StatedHead[]
    }
  | {
      readonly type: 'have'
      readonly peer: string
      readonly space: string
      readonly heads: readonly StatedHead[]
    }
  /** A batch was written to the stream. `known` is that of the effect. */
  | {
      readonly type: 'sent'
      readonly peer: string
      readonly space: string
      readonly known: Heads
      readonly heads: readonly StatedHead[]
    }
  | { readonly type: 'timer'; readonly id: string }

export type SyncEffect =
  /** Open a stream on which to offer. */
  | { readonly type: 'link'; readonly peer: string }
  | { readonly type: 'sendOffer'; readonly peer: string; readonly offer: Offer }
  | {
      readonly type: 'sendWant' | 'sendHave'
      readonly peer: string
      readonly space: string
      readonly version: number
      readonly checkpoint: number
      readonly heads: readonly StatedHead[]
    }
  | {
      readonly type: 'sendEnd' | 'sendNone' | 'sendCheckpoint'
      readonly peer: string
      readonly space: string
    }
  | {
      readonly type: 'sendCharters'
      readonly peer: string
      readonly space: string
      readonly above: number
    }
  /** The next batch above what the peer has; `sent` follows, unless the stream ends. */
  | {
      readonly type: 'sendBatch'
      readonly peer: string
      readonly space: string
      readonly known: Heads
    }
  /** The envelopes are equal here and there, so the content must be. */
  | { readonly type: 'compare'; readonly peer: string; readonly offer: Offer }
  | { readonly type: 'timer'; readonly id: string; readonly ms: number }

export const newSync = (mayKnow: SyncState['mayKnow']): SyncState => ({
  mayKnow,
  spaces: new Map(),
  peers: new Map(),
  timers: new Set(),
  restateAtMs: 0
})

export const keyOf = ({ device, life }: StatedHead['writer']): string => `${device}/${life}`

/** Notes what a peer has, of those writers that are known here: it may state any others. */
export function note(known: Map<string, StatedHead>, heads: readonly StatedHead[], here?: SpaceView): void {
  const own = here && new Map(here.heads.map(head => [keyOf(head.writer), head]))
  for (const head of heads) {
    const key = keyOf(head.writer)
    const ours = own?.get(key)
    if (own !== undefined && ours === undefined) continue
    // A proof ends a chain, so it stands for one that was longer.
    const isProof = head.frozen === true || (ours?.frozen === true && isSame(ours, head))
    // Of one number the hash that was stated last: what was sent once is not sent again.
    if (isProof || (head.seq > 0 && head.seq >= (known.get(key)?.seq ?? 0))) known.set(key, head)
  }
}

/** A peer has these by its own word. */
export function hasNow({ known, stated }: Served, heads: readonly StatedHead[], here?: SpaceView): void {
  note(known, heads, here)
  note(stated, heads, here)
}

const isSame = (one: StatedHead, other: StatedHead): boolean =>
  one.seq === other.seq && equal(one.hash, other.hash)

/** Heads above those that are known, or beside them: a writer signed two envelopes of one number, which is to be learnt. */
export const above = (heads: readonly StatedHead[], known: Heads): StatedHead[] =>
  heads.filter(head => {
    const one = known.get(keyOf(head.writer))
    if (one === undefined) return head.seq > 0
    return head.seq > one.seq || ((head.frozen === true || head.seq === one.seq) && !isSame(head, one))
  })

/** Peers that have this space, and whether each has all that is here by its own word. */
export function holders(state: SyncState, space: string): { peerId: string; inStep: boolean }[] {
  const view = state.spaces.get(space)
  if (view === undefined) return []
  return [...state.peers].flatMap(([peerId, { served, offered }]) => {
    const stated = served.get(space)?.stated
    const offer = offered.get(space)?.offer
    if (stated === undefined && offer === undefined) return []
    const has = stated !== undefined && above(view.heads, stated).length === 0
    return [{ peerId, inStep: offer?.charter === view.charter && (has || offer.digest === view.digest) }]
  })
}

export function startTimer(state: SyncState, id: string, ms: number): SyncEffect[] {
  if (state.timers.has(id)) return []
  state.timers.add(id)
  return [{ type: 'timer', id, ms }]
}
