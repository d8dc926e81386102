/**
 * Which request uses an engine now, which one waits and which one is refused: the decision, as a
 * deterministic core.
 *
 * Refusing at once is kinder than a long queue: the dialer's router still has
 * time to ask another peer. So only as much waits as is done soon, by the time
 * that requests really take, and less once the queue has stood for a while.
 * This device goes first. Peers take turns by the time of slots that each has
 * had (`fair-turns-core.ts`), and where no more may wait the newest of the peer
 * with most waiting gives way: no flood starves the others.
 */

import type { QueuePlace } from '../../interface/chunks.ts'
import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'
import {
  dequeue,
  displacedBy,
  enqueue,
  type FairTurns,
  freed,
  isNext,
  newFairTurns,
  nextAsker,
  OWN,
  placeIn,
  sharing,
  taken
} from './fair-turns-core.ts'

/** Work that may wait: what the engine does in this time. */
const QUEUE_MS_MAX = 2000
/** The same while the queue stands: a burst passes, and waiting longer makes nothing more of a steady overload. */
const STANDING_QUEUE_MS_MAX = 500
/** A queue stands once each request that left it for so long */
const STANDING_AFTER_MS = 5000
/** has waited longer than this. It stands no more when one waits less, or none waits. */
const SHORT_WAIT_MS = 250
/** This many per slot may always wait, however slow the engine is, so that a short burst is not refused. */
const QUEUED_PER_SLOT = 2
/** However fast the engine is: each waiting request holds its input in memory. */
export const QUEUED_MAX = 1024
/** An answer may take so many times the average: with less time left it would be work for nothing. */
const SLOW_FACTOR = 2
/** Assumed until the first request was measured: a small model on a small device. */
const SERVICE_MS_INITIAL = 20
/** Weight of the newest measurement in the average: the last ten or so count. */
const SERVICE_WEIGHT = 0.2
/** A person who asked lately asks again soon: for so long peers leave one slot of several free. */
const RESERVED_MS = 60_000

export interface AdmissionState {
  readonly slots: number
  running: number
  /** Those who wait, and what each who asks has had. */
  readonly turns: FairTurns
  /** Smoothed time that a request takes. */
  serviceMs: number
  /** Since when each request that left the queue has waited long; undefined where the last one has not. */
  longSinceMs: number | undefined
  /** When this device got or gave back a slot last. */
  ownMs: number
}

export type AdmissionEvent =
  /** `peer` asks, and has `budgetMs` left for its answer. Without a peer: this device. */
  | {
      readonly type: 'enter'
      readonly id: number
      readonly peer?: string | undefined
      readonly budgetMs?: number | undefined
    }
  /** A request that waits is not wanted any more. One that was admitted must leave instead. */
  | { readonly type: 'give-up'; readonly id: number }
  /** A slot is free. `startedMs` is absent when the request was not worked on. */
  | {
      readonly type: 'leave'
      readonly peer?: string | undefined
      readonly startedMs: number | undefined
    }

/** No effect for the id of an `enter` means that it waits. An effect may also be about one that has waited. */
export type AdmissionEffect =
  | { readonly type: 'admit'; readonly id: number }
  | { readonly type: 'refuse'; readonly id: number; readonly waitMs: number }

export const newAdmission = (slots: number): AdmissionState => ({
  slots,
  running: 0,
  turns: newFairTurns(),
  serviceMs: SERVICE_MS_INITIAL,
  longSinceMs: undefined,
  ownMs: Number.NEGATIVE_INFINITY
})

/** Changes `state` in place. */
export function stepAdmission(
  state: AdmissionState,
  event: AdmissionEvent,
  nowMs: number
): Stepped<AdmissionState, AdmissionEffect> {
  return { state, effects: effectsOf(state, event, nowMs) }
}

/** Of a request that waits. */
export function queuePlace(state: AdmissionState, id: number): QueuePlace | undefined {
  const place = placeIn(state.turns, id, state.serviceMs)
  if (place === undefined) return undefined
  const waitMs = Math.ceil((place * state.serviceMs) / state.slots)
  return { place, of: state.turns.queue.size, waitMs }
}

function effectsOf(state: AdmissionState, event: AdmissionEvent, nowMs: number): readonly AdmissionEffect[] {
  const { turns } = state
  switch (event.type) {
    case 'enter':
      return enter(state, event.id, event.peer ?? OWN, event.budgetMs, nowMs)
    case 'give-up':
      dequeue(turns, event.id)
      return NO_EFFECTS
    case 'leave': {
      const { peer = OWN, startedMs } = event
      if (startedMs !== undefined) state.serviceMs += (nowMs - startedMs - state.serviceMs) * SERVICE_WEIGHT
      if (peer === OWN) state.ownMs = nowMs
      state.running--
      freed(turns, peer, nowMs)
      return turns.queue.size === 0 ? NO_EFFECTS : admitted(state, nowMs)
    }
  }
}

function enter(
  state: AdmissionState,
  id: number,
  asker: string,
  budgetMs = Number.POSITIVE_INFINITY,
  nowMs: number
): readonly AdmissionEffect[] {
  const { slots, turns, serviceMs } = state
  const { size } = turns.queue
  if (isOpen(state, asker, nowMs) && (size === 0 || asker === OWN)) {
    take(state, asker, nowMs)
    return [{ type: 'admit', id }]
  }
  const waitMs = Math.ceil(((size + 1) * serviceMs) / slots)
  const room = roomOf(state, nowMs)
  if (asker !== OWN) {
    const share = Math.max(1, Math.floor(room / sharing(turns, asker, nowMs)))
    // Its router can ask another peer now. The average is that of all: long answers of others keep no one from its turn.
    const isLate = waitMs + SLOW_FACTOR * serviceMs > budgetMs
    if (isLate && !isNext(turns, asker, serviceMs)) return [{ type: 'refuse', id, waitMs }]
    // Room that others want is not taken only to be given back: what is refused is refused now.
    if ((turns.lines.get(asker)?.size ?? 0) >= share) return [{ type: 'refuse', id, waitMs }]
  }
  if (size < room) {
    enqueue(turns, id, asker, nowMs)
    // A slot that was kept for this device may be open again.
    return admitted(state, nowMs)
  }
  const displaced = displacedBy(turns, asker)
  if (displaced !== undefined) {
    dequeue(turns, displaced)
    enqueue(turns, id, asker, nowMs)
  }
  return [{ type: 'refuse', id: displaced ?? id, waitMs }]
}

/** How many may wait. */
function roomOf({ slots, serviceMs, longSinceMs }: AdmissionState, nowMs: number): number {
  const stands = longSinceMs !== undefined && nowMs - longSinceMs >= STANDING_AFTER_MS
  const queueMs = stands ? STANDING_QUEUE_MS_MAX : QUEUE_MS_MAX
  return Math.min(QUEUED_MAX, Math.max(QUEUED_PER_SLOT * slots, Math.floor((queueMs * slots) / serviceMs)))
}

/** Whether a slot is free for this one: of several, one stays free for a device whose own user asked lately. */
function isOpen({ slots, running, turns, ownMs }: AdmissionState, asker: string, nowMs: number): boolean {
  if (asker === OWN || slots === 1 || nowMs - ownMs >= RESERVED_MS) return running < slots
  const isUsed = (turns.askers.get(OWN)?.running ?? 0) > 0
  return running < slots - (isUsed ? 0 : 1)
}

function take(state: AdmissionState, asker: string, nowMs: number): void {
  state.running++
  if (asker === OWN) state.ownMs = nowMs
  taken(state.turns, asker, nowMs)
}

/** Those who waited and have a slot now. A slot passes from one to the next, so none can be taken in between. */
function admitted(state: AdmissionState, nowMs: number): AdmissionEffect[] {
  const { turns } = state
  const effects: AdmissionEffect[] = []
  for (;;) {
    const asker = nextAsker(turns, state.serviceMs)
    if (asker === undefined) {
      state.longSinceMs = undefined
      return effects
    }
    if (!isOpen(state, asker, nowMs)) return effects
    const id = turns.lines.get(asker)!.values().next().value!
    const waitedMs = nowMs - turns.queue.get(id)!.sinceMs
    state.longSinceMs = waitedMs > SHORT_WAIT_MS ? (state.longSinceMs ?? nowMs) : undefined
    dequeue(turns, id)
    take(state, asker, nowMs)
    effects.push({ type: 'admit', id })
  }
}
