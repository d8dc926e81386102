/**
 * Who may use an engine now, who waits and who is refused: the decision, as a
 * deterministic core.
 *
 * Refusing at once is kinder than a long queue: the dialer's router still has
 * time to ask another peer. So only as much waits as is done soon, by the time
 * that requests really take. Those who ask take turns, and where no more may wait the
 * newest of whoever has most waiting gives way: nobody's flood starves the others, and
 * this node's own user is not refused because of peers.
 */

import { NO_EFFECTS, type Stepped } from '../../interface/core.ts'

/** Work that may wait: what the engine does in this time. */
const QUEUE_MS_MAX = 2000
/** This many per slot may always wait, however slow the engine is, so that a short burst is not refused. */
const QUEUED_PER_SLOT = 2
/** However fast the engine is: each waiting request holds its input in memory. */
export const QUEUED_MAX = 1024
/** Assumed until the first request was measured: a small model on a small device. */
const SERVICE_MS_INITIAL = 20
/** Weight of the newest measurement in the average: the last ten or so count. */
const SERVICE_WEIGHT = 0.2

/** Who asks when no peer does. */
const OWN = ''

export interface AdmissionState {
  readonly slots: number
  running: number
  /** Ids of those who wait, with who asks. */
  readonly queue: Map<number, string>
  /**
   * The same for each who asks, whose turn it is next first; ids in order of arrival: a `Set` iterates so,
   * and any of them leaves it cheaply.
   */
  readonly lines: Map<string, Set<number>>
  /** Smoothed time that a request takes. */
  serviceMs: number
}

export type AdmissionEvent =
  /** `peer` asks; absent: this node itself. */
  | { readonly type: 'enter'; readonly id: number; readonly peer?: string | undefined }
  /** Whoever waits no longer wants to. One who was admitted must leave instead. */
  | { readonly type: 'give-up'; readonly id: number }
  /** A slot is free. `startedMs` is absent when the request was not worked on. */
  | { readonly type: 'leave'; readonly startedMs: number | undefined }

/** No effect for the id of an `enter` means that it waits. A `refuse` may also be about one that has waited. */
export type AdmissionEffect =
  | { readonly type: 'admit'; readonly id: number }
  | { readonly type: 'refuse'; readonly id: number; readonly waitMs: number }

export const newAdmission = (slots: number): AdmissionState => ({
  slots,
  running: 0,
  queue: new Map(),
  lines: new Map(),
  serviceMs: SERVICE_MS_INITIAL
})

/** Changes `state` in place. */
export function stepAdmission(
  state: AdmissionState,
  event: AdmissionEvent,
  nowMs: number
): Stepped<AdmissionState, AdmissionEffect> {
  switch (event.type) {
    case 'enter':
      return enter(state, event.id, event.peer ?? OWN)
    case 'give-up':
      dequeue(state, event.id)
      return { state, effects: NO_EFFECTS }
    case 'leave':
      return leave(state, event.startedMs, nowMs)
  }
}

function enter(state: AdmissionState, id: number, asker: string): Stepped<AdmissionState, AdmissionEffect> {
  const { slots, queue } = state
  if (state.running < slots) {
    state.running++
    return { state, effects: [{ type: 'admit', id }] }
  }
  const waitMs = ((queue.size + 1) * state.serviceMs) / slots
  const short = queue.size < QUEUED_PER_SLOT * slots
  if (queue.size < QUEUED_MAX && (waitMs <= QUEUE_MS_MAX || short)) {
    enqueue(state, id, asker)
    return { state, effects: NO_EFFECTS }
  }
  const displaced = displacedBy(state, asker)
  if (displaced !== undefined) {
    dequeue(state, displaced)
    enqueue(state, id, asker)
  }
  return { state, effects: [{ type: 'refuse', id: displaced ?? id, waitMs: Math.ceil(waitMs) }] }
}

/** The newest of the peer with most waiting, if that leaves it no worse off than `asker`. */
function displacedBy({ lines }: AdmissionState, asker: string): number | undefined {
  let longest: Set<number> | undefined
  for (const [other, line] of lines) {
    if (other !== OWN && line.size > (longest?.size ?? 0)) longest = line
  }
  if (longest === undefined) return undefined
  if (asker !== OWN && longest.size < (lines.get(asker)?.size ?? 0) + 2) return undefined
  return [...longest].at(-1)
}

function enqueue({ queue, lines }: AdmissionState, id: number, asker: string): void {
  queue.set(id, asker)
  const line = lines.get(asker)
  if (line === undefined) lines.set(asker, new Set([id]))
  else line.add(id)
}

function dequeue({ queue, lines }: AdmissionState, id: number): void {
  const asker = queue.get(id)
  if (asker === undefined) return
  queue.delete(id)
  const line = lines.get(asker)!
  line.delete(id)
  if (line.size === 0) lines.delete(asker)
}

function leave(
  state: AdmissionState,
  startedMs: number | undefined,
  nowMs: number
): Stepped<AdmissionState, AdmissionEffect> {
  if (startedMs !== undefined) state.serviceMs += (nowMs - startedMs - state.serviceMs) * SERVICE_WEIGHT

  const turn = state.lines.entries().next().value
  if (turn === undefined) {
    state.running--
    return { state, effects: NO_EFFECTS }
  }
  // The slot passes from one to the next, so nobody can take it in between.
  const [asker, line] = turn
  const id = line.values().next().value!
  dequeue(state, id)
  // Behind the others, until its next turn.
  if (state.lines.delete(asker)) state.lines.set(asker, line)
  return { state, effects: [{ type: 'admit', id }] }
}
