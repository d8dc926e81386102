/** The half of sync that asks and takes; see `sync-core.ts`. */

import type { Offer } from '../../../protocols/memory/messages.ts'
import {
  above,
  hasNow,
  note,
  type Offered,
  type SpaceView,
  type SyncEffect,
  type SyncEvent,
  type SyncState,
  startTimer
} from './sync-state.ts'

/** A peer that was asked and sends nothing for so long no longer keeps the others from being asked. */
const ASKED_PATIENCE_MS = 5000
/** What came is acknowledged together: that is soon enough to keep others from sending it, and late enough for bulk. */
export const HAVE_MS = 10
/** What could not be taken may fit later: a disk was full. So late that what never fits costs little. */
const REFUSED_AGAIN_MS = 10 * 60_000
/**
 * A carrier passes on what a writer has signed and readers refuse. It is asked again all the same, for there may be more than
 * that: after two offers, then after four, up to this many. Each offer comes a minute after the one before.
 */
const BAD_OFFERS_MAX = 32
const OFFER_MS = 60_000
/** A gap that stays is asked about so often. */
const GAP_MS = 1000

export type TakeEvent = Extract<
  SyncEvent,
  { type: 'offer' | 'end' | 'none' | 'took' | 'gap' | 'refused' | 'rebased' }
>

export function take(state: SyncState, event: TakeEvent, nowMs: number): readonly SyncEffect[] {
  const { peer } = event
  const space = event.type === 'offer' ? event.offer.space : event.space
  const known = state.peers.get(peer)
  if (known === undefined) return []
  if (event.type === 'offer') return offered(state, peer, event.offer, nowMs)
  const one = known.offered.get(space)
  if (one === undefined) return []
  switch (event.type) {
    case 'took':
      one.progressMs = nowMs
      one.hasBad ||= event.isBad === true
      return took(state, peer, space, event)
    case 'end':
      ended(one, nowMs)
      return ask(state, space, nowMs)
    case 'gap':
      return one.phase === 'refused' ? [] : startTimer(state, `gap ${space} ${peer}`, GAP_MS)
    case 'rebased':
      return askAgain(state, peer, space, nowMs)
    case 'refused':
      one.phase = 'refused'
      one.progressMs = nowMs
      return ask(state, space, nowMs)
    case 'none':
      known.offered.delete(space)
      return ask(state, space, nowMs)
  }
}

function ended(one: Offered, nowMs: number): void {
  if (one.phase !== 'asked' && one.phase !== 'late') return
  one.phase = 'live'
  one.badAskings = one.hasBad ? one.badAskings + 1 : 0
  const offers = Math.min(2 ** one.badAskings, BAD_OFFERS_MAX)
  // Half an offer less: it may come somewhat early.
  one.badUntilMs = one.hasBad ? nowMs + (offers - 0.5) * OFFER_MS : 0
}

/** A peer that is asked already is asked anew only where it has something else to send than it would. */
function offered(state: SyncState, peer: string, offer: Offer, nowMs: number): readonly SyncEffect[] {
  const { space } = offer
  const { offered } = state.peers.get(peer)!
  const before = offered.get(space)
  const own = state.spaces.get(space)
  if (before === undefined) {
    const bad = { hasBad: false, badAskings: 0, badUntilMs: 0 }
    offered.set(space, { offer, phase: 'waiting', progressMs: nowMs, ...bad, told: new Map() })
    return ask(state, space, nowMs)
  }
  const newCharter = before.offer.charter !== offer.charter
  before.offer = offer
  // Of a space that is not here yet, the key may have come to its carrier since.
  const isDue = newCharter || own === undefined || nowMs - before.progressMs >= REFUSED_AGAIN_MS
  if (before.phase === 'refused' && isDue) before.phase = 'waiting'
  const isAfterBad = newCharter || nowMs >= before.badUntilMs || isNewer(offer, own)
  if ((before.phase === 'live' || before.phase === 'late') && isAfterBad && isAhead(offer, own))
    before.phase = 'waiting'
  const comparable = offer.content !== null && own?.digest === offer.digest && own.charter === offer.charter
  return [...(comparable ? [{ type: 'compare' as const, peer, offer }] : []), ...ask(state, space, nowMs)]
}

function took(
  state: SyncState,
  peer: string,
  space: string,
  { heads }: Extract<SyncEvent, { type: 'took' }>
): readonly SyncEffect[] {
  // It has what it sent.
  const served = state.peers.get(peer)!.served.get(space)
  if (served !== undefined) hasNow(served, heads, state.spaces.get(space))
  return []
}

/** The next peers to ask for a space: one that may send much, or all that have nothing to add. */
export function ask(state: SyncState, space: string, nowMs: number): SyncEffect[] {
  const own = state.spaces.get(space)
  const effects: SyncEffect[] = []
  const waiting: [peer: string, offered: Offered][] = []
  for (const [peer, { offered }] of state.peers) {
    const one = offered.get(space)
    if (one?.phase === 'asked') {
      if (nowMs - one.progressMs < ASKED_PATIENCE_MS) return []
      one.phase = 'late'
    }
    if (one?.phase === 'waiting') waiting.push([peer, one])
  }
  for (const [peer, one] of waiting) {
    one.phase = 'asked'
    one.progressMs = nowMs
    one.hasBad = false
    one.told.clear()
    if (own !== undefined) note(one.told, own.heads)
    const version = versionWanted(one.offer, own)
    const { checkpoint = 0, heads = [] } = own ?? {}
    effects.push({ type: 'sendWant', peer, space, version, checkpoint, heads })
    if (isAhead(one.offer, own)) break
  }
  return effects
}

/**
 * Of two charters of one version the one of the lower hash counts, so it is wanted again from there on. So is the newest
 * one where its key did not come: the key comes with it.
 */
const versionWanted = (offer: Offer, own: SpaceView | undefined): number =>
  own === undefined ? 0 : isRival(offer, own) || !own.isReadable ? own.version - 1 : own.version

const isRival = (offer: Offer, own: Offer): boolean =>
  offer.version === own.version && offer.charter < own.charter

/** It has more than envelopes, whose digest alone says no more than that they differ. */
const isNewer = (offer: Offer, own: SpaceView | undefined): boolean =>
  own === undefined ||
  !own.isReadable ||
  offer.version > own.version ||
  isRival(offer, own) ||
  offer.checkpoint > own.checkpoint

const isAhead = (offer: Offer, own: SpaceView | undefined): boolean =>
  isNewer(offer, own) || offer.digest !== own?.digest

/** A gap has stayed: the peer is asked anew, from what is here. */
export function askAgain(state: SyncState, peer: string, space: string, nowMs: number): SyncEffect[] {
  const one = state.peers.get(peer)?.offered.get(space)
  if (one === undefined || one.phase === 'refused') return []
  one.phase = 'waiting'
  return ask(state, space, nowMs)
}

/** Tells those that were asked what has come from others. */
export function acknowledge(state: SyncState, space: string): SyncEffect[] {
  const view = state.spaces.get(space)
  if (view === undefined) return []
  const { version, checkpoint } = view
  const effects: SyncEffect[] = []
  for (const [peer, { offered }] of state.peers) {
    const one = offered.get(space)
    if (one === undefined || one.phase === 'waiting' || one.phase === 'refused') continue
    const heads = above(view.heads, one.told)
    if (heads.length === 0) continue
    note(one.told, heads)
    effects.push({ type: 'sendHave', peer, space, version, checkpoint, heads })
  }
  return effects
}
