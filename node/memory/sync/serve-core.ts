/** The half of sync that offers and sends; see `sync-core.ts`. */

import type { StatedHead } from '../../../protocols/memory/messages.ts'
import {
  above,
  hasNow,
  keyOf,
  note,
  type Served,
  type SpaceView,
  type SyncEffect,
  type SyncEvent,
  type SyncState,
  startTimer
} from './sync-state.ts'

/**
 * What another device wrote is passed on after this, to those that do not say meanwhile that they have it: mostly all
 * were sent it by its writer.
 */
const RELAY_MS = 50

export type ServeEvent = Extract<SyncEvent, { type: 'want' | 'have' | 'sent' }>

export function serve(state: SyncState, event: ServeEvent): readonly SyncEffect[] {
  const { peer, space } = event
  const view = state.spaces.get(space)
  const known = state.peers.get(peer)
  // It may have left, or the space, since.
  if (known?.link !== 'open') return []
  // A space that a peer may not know is not there.
  if (view === undefined || !state.mayKnow(space, peer)) {
    known.served.delete(space)
    return event.type === 'want' ? [{ type: 'sendNone', peer, space }] : []
  }
  if (event.type === 'want') {
    const before = known.served.get(space)
    const served: Served = {
      version: event.version,
      // It is sent each one once: where it could not take one, envelopes may still do.
      checkpoint: Math.max(event.checkpoint, before?.checkpoint ?? 0),
      known: new Map(),
      stated: new Map(),
      // A batch that is on its way still ends with `sent`.
      sending: before?.sending === true,
      due: before?.sending === true,
      ended: false,
      paused: false
    }
    hasNow(served, event.heads, view)
    known.served.set(space, served)
    return [...charters(state, peer, space), ...(served.sending ? [] : next(state, peer, space))]
  }
  const served = known.served.get(space)
  if (served === undefined) return []
  if (event.type === 'have') {
    hasNow(served, event.heads, view)
    return []
  }
  // A peer that has asked anew meanwhile may have dropped what it was sent before.
  if (event.known === served.known) {
    const sent = event.heads.map(head => ownOf(view, head))
    // Whatever is still missing there is not to be had here.
    const isLast = above(sent, served.known).length === 0
    note(served.known, isLast ? view.heads : sent, view)
  }
  served.sending = false
  return next(state, peer, space)
}

/** Of a number that its writer signed twice both envelopes go in one batch: the peer has the proof then. */
function ownOf({ heads }: SpaceView, sent: StatedHead): StatedHead {
  const own = heads.find(({ writer }) => keyOf(writer) === keyOf(sent.writer))
  return own?.frozen === true && own.seq === sent.seq ? own : sent
}

/** Something has changed here: what must go to each peer, and what may wait until the peer says that it has it. */
export function passOn(state: SyncState, space: string, own: boolean): SyncEffect[] {
  const effects: SyncEffect[] = []
  for (const [peer, { served, link }] of state.peers) {
    const to = link === 'open' ? served.get(space) : undefined
    if (to === undefined) continue
    if (!state.mayKnow(space, peer)) {
      served.delete(space)
      effects.push({ type: 'sendNone', peer, space })
      continue
    }
    effects.push(...charters(state, peer, space))
    if (own) effects.push(...due(state, peer, space))
  }
  return own ? effects : [...effects, ...startTimer(state, `relay ${space}`, RELAY_MS)]
}

export function relay(state: SyncState, space: string): SyncEffect[] {
  return [...state.peers.keys()].flatMap(peer => due(state, peer, space))
}

function due(state: SyncState, peer: string, space: string): readonly SyncEffect[] {
  const known = state.peers.get(peer)!
  const served = known.link === 'open' ? known.served.get(space) : undefined
  if (served === undefined) return []
  if (!served.sending) return next(state, peer, space)
  served.due = true
  return []
}

function charters(state: SyncState, peer: string, space: string): readonly SyncEffect[] {
  const served = state.peers.get(peer)!.served.get(space)!
  const { version } = state.spaces.get(space)!
  if (served.version >= version) return []
  const above = served.version
  served.version = version
  return [{ type: 'sendCharters', peer, space, above }]
}

/** The next batch, or the end of what was wanted. */
function next(state: SyncState, peer: string, space: string): readonly SyncEffect[] {
  const served = state.peers.get(peer)!.served.get(space)!
  const { heads, checkpoint } = state.spaces.get(space)!
  served.due = false
  // Also to a peer that takes the one before: pieces of a checkpoint that was replaced are not here any longer.
  if (checkpoint > served.checkpoint) {
    served.checkpoint = checkpoint
    served.paused = true
    return [{ type: 'sendCheckpoint', peer, space }]
  }
  if (served.paused) return []
  if (above(heads, served.known).length > 0) {
    served.sending = true
    return [{ type: 'sendBatch', peer, space, known: served.known }]
  }
  if (served.ended) return []
  served.ended = true
  return [{ type: 'sendEnd', peer, space }]
}
