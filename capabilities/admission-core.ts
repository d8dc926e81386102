/**
 * Who may use an engine now, who waits and who is refused: the decision, as a
 * deterministic core.
 *
 * Refusing at once is kinder than a long queue: the dialer's router still has
 * time to ask another peer. So only as much waits as is done soon, by the time
 * that requests really take.
 */

import { NO_EFFECTS, type Stepped } from '../interface/core.ts'

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

export interface AdmissionState {
  readonly slots: number
  running: number
  /** Ids of those who wait, in order of arrival: a `Set` iterates so, and any of them leaves it cheaply. */
  readonly queue: Set<number>
  /** Smoothed time that a request takes. */
  serviceMs: number
}

export type AdmissionEvent =
  | { readonly type: 'enter'; readonly id: number }
  /** Whoever waits no longer wants to. One who was admitted must leave instead. */
  | { readonly type: 'give-up'; readonly id: number }
  /** A slot is free. `startedMs` is absent when the request was not worked on. */
  | { readonly type: 'leave'; readonly startedMs: number | undefined }

/** No effect for an `enter` means that it waits. */
export type AdmissionEffect =
  | { readonly type: 'admit'; readonly id: number }
  | { readonly type: 'refuse'; readonly id: number; readonly waitMs: number }

export const newAdmission = (slots: number): AdmissionState => ({
  slots,
  running: 0,
  queue: new Set(),
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
      return enter(state, event.id)
    case 'give-up':
      state.queue.delete(event.id)
      return { state, effects: NO_EFFECTS }
    case 'leave':
      return leave(state, event.startedMs, nowMs)
  }
}

function enter(state: AdmissionState, id: number): Stepped<AdmissionState, AdmissionEffect> {
  const { slots, queue } = state
  if (state.running < slots) {
    state.running++
    return { state, effects: [{ type: 'admit', id }] }
  }
  const waitMs = ((queue.size + 1) * state.serviceMs) / slots
  const short = queue.size < QUEUED_PER_SLOT * slots
  if (queue.size >= QUEUED_MAX || (waitMs > QUEUE_MS_MAX && !short)) {
    return { state, effects: [{ type: 'refuse', id, waitMs: Math.ceil(waitMs) }] }
  }
  queue.add(id)
  return { state, effects: NO_EFFECTS }
}

function leave(
  state: AdmissionState,
  startedMs: number | undefined,
  nowMs: number
): Stepped<AdmissionState, AdmissionEffect> {
  if (startedMs !== undefined) state.serviceMs += (nowMs - startedMs - state.serviceMs) * SERVICE_WEIGHT

  const id = state.queue.values().next().value
  if (id === undefined) {
    state.running--
    return { state, effects: NO_EFFECTS }
  }
  // The slot passes from one to the next, so nobody can take it in between.
  state.queue.delete(id)
  return { state, effects: [{ type: 'admit', id }] }
}
