/**
 * Which spaces are offered to which peers, which of them is asked for what is missing, and what is passed on when. It
 * follows `interface/core.ts`: bytes, signatures and disks are the shell's.
 *
 * A device asks one peer at a time for a space, so that what is missing comes once. When that peer has no more, it asks
 * the next one, which mostly has nothing to add. From then on all of them pass on what is new.
 */

import type { Random } from '../../../interface/clock.ts'
import { NO_EFFECTS, type Stepped } from '../../../interface/core.ts'
import { passOn, relay, serve } from './serve-core.ts'
import type { SpaceView, SyncEffect, SyncEvent, SyncPeer, SyncState } from './sync-state.ts'
import { startTimer } from './sync-state.ts'
import { acknowledge, ask, askAgain, HAVE_MS, take } from './take-core.ts'

/** How often the core looks whether something was left: a link that was lost, a peer that is late. */
const TICK_MS = 1000
/** What is here is offered again: what was lost on the way, by whatever fault, is asked for then. */
export const RESTATE_MS = 60_000
/** A peer whose stream ended at once is linked again after this, and by chance up to twice it. */
const LINK_AGAIN_MS = 1000

export function stepSync(
  state: SyncState,
  event: SyncEvent,
  nowMs: number,
  random: Random
): Stepped<SyncState, SyncEffect> {
  return { state, effects: effectsOf(state, event, nowMs, random) }
}

function effectsOf(state: SyncState, event: SyncEvent, nowMs: number, random: Random): readonly SyncEffect[] {
  switch (event.type) {
    case 'space':
      return changed(state, event.view, event.own, nowMs)
    case 'forgotten':
      return forgotten(state, event.space)
    case 'met':
      return met(state, event.peer, nowMs)
    case 'gone':
      state.peers.delete(event.peer)
      return askEach(state, nowMs)
    case 'linked':
      return linked(state, event.peer)
    case 'unlinked': {
      const peer = state.peers.get(event.peer)
      if (peer === undefined) return NO_EFFECTS
      peer.link = 'none'
      peer.linkAfterMs = nowMs + LINK_AGAIN_MS * (1 + random())
      peer.served.clear()
      return NO_EFFECTS
    }
    case 'unfed':
      state.peers.get(event.peer)?.offered.clear()
      return askEach(state, nowMs)
    case 'timer':
      state.timers.delete(event.id)
      return onTimer(state, event.id, nowMs)
    case 'want':
    case 'have':
    case 'sent':
      return serve(state, event)
    default:
      return take(state, event, nowMs)
  }
}

function met(state: SyncState, peer: string, nowMs: number): SyncEffect[] {
  if (!state.peers.has(peer))
    state.peers.set(peer, { link: 'none', linkAfterMs: nowMs, served: new Map(), offered: new Map() })
  return [...link(state, nowMs), ...startTimer(state, 'tick', TICK_MS)]
}

/** Streams are opened only to peers that may know something: the others hear nothing of memory. */
function link(state: SyncState, nowMs: number): SyncEffect[] {
  const effects: SyncEffect[] = []
  for (const [peer, known] of state.peers) {
    if (known.link !== 'none' || known.linkAfterMs > nowMs) continue
    if (![...state.spaces.keys()].some(space => state.mayKnow(space, peer))) continue
    known.link = 'opening'
    effects.push({ type: 'link', peer })
  }
  return effects
}

function linked(state: SyncState, peer: string): SyncEffect[] {
  const known = state.peers.get(peer)
  if (known === undefined) return []
  known.link = 'open'
  return [...state.spaces.values()].flatMap(view => offer(state, peer, known, view))
}

function offer(state: SyncState, peer: string, { link }: SyncPeer, view: SpaceView): SyncEffect[] {
  if (link !== 'open' || !state.mayKnow(view.space, peer)) return []
  const { heads, isReadable, ...offer } = view
  return [{ type: 'sendOffer', peer, offer }]
}

function changed(state: SyncState, view: SpaceView, own: boolean, nowMs: number): SyncEffect[] {
  const { space } = view
  const before = state.spaces.get(space)
  state.spaces.set(space, view)
  const effects: SyncEffect[] = []
  if (before?.charter !== view.charter || before.checkpoint !== view.checkpoint) {
    for (const [peer, known] of state.peers) effects.push(...offer(state, peer, known, view))
    effects.push(...link(state, nowMs))
  }
  if (before?.digest !== view.digest || before.charter !== view.charter)
    effects.push(...passOn(state, space, own), ...startTimer(state, `have ${space}`, HAVE_MS))
  return effects
}

function forgotten(state: SyncState, space: string): SyncEffect[] {
  state.spaces.delete(space)
  const effects: SyncEffect[] = []
  for (const [peer, { served, offered }] of state.peers) {
    if (served.delete(space)) effects.push({ type: 'sendNone', peer, space })
    offered.delete(space)
  }
  return effects
}

function onTimer(state: SyncState, id: string, nowMs: number): SyncEffect[] {
  const [what, space = '', peer = ''] = id.split(' ')
  if (what === 'have') return acknowledge(state, space)
  if (what === 'relay') return relay(state, space)
  if (what === 'gap') return askAgain(state, peer, space, nowMs)
  return tick(state, nowMs)
}

function tick(state: SyncState, nowMs: number): SyncEffect[] {
  const effects = [...link(state, nowMs), ...askEach(state, nowMs)]
  if (state.restateAtMs <= nowMs) {
    state.restateAtMs = nowMs + RESTATE_MS
    for (const [peer, known] of state.peers)
      for (const view of state.spaces.values()) effects.push(...offer(state, peer, known, view))
  }
  if (state.peers.size > 0) effects.push(...startTimer(state, 'tick', TICK_MS))
  return effects
}

/** Each space that a peer has offered. */
function askEach(state: SyncState, nowMs: number): SyncEffect[] {
  const spaces = new Set([...state.peers.values()].flatMap(({ offered }) => [...offered.keys()]))
  return [...spaces].flatMap(space => ask(state, space, nowMs))
}
