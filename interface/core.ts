/**
 * The shape of a deterministic core: a part that decides, and does nothing else.
 *
 * A core has no I/O, no promises, no clock and no chance of its own. What comes
 * in was checked before: signatures are proven and bodies decoded. A thin class
 * beside it, its shell, turns calls into events and effects into deeds, and a
 * simulation drives the very same core on virtual time (`docs/simulation.md`).
 *
 * A core that wants to be woken says so with an effect `timer`, and the shell
 * answers with an event `timer` after that time. Both carry the same ids. A wake
 * may come when what it was for has ended, and then changes nothing, so a shell
 * cancels timers only to save them.
 */

import type { Random } from './clock.ts'

/** What came of one event. */
export interface Stepped<State, Effect> {
  readonly state: State
  /** To be carried out by the shell, in this order. */
  readonly effects: readonly Effect[]
}

/**
 * One step of a core, at a moment of the monotonic clock.
 *
 * The core owns its state and may change it in place, for cost; the code that drives
 * it only reads. An event that is refused leaves the state as it was.
 */
export type Core<State, Event, Effect> = (
  state: State,
  event: Event,
  nowMs: number,
  random: Random
) => Stepped<State, Effect>

/** Most events ask for nothing to be done. */
export const NO_EFFECTS: readonly never[] = []
