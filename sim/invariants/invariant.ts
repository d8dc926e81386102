/** A promise, and how a run shows that it was broken. */

import type { History } from '../history.ts'

export interface Invariant {
  /** As `docs/simulation.md` lists them: `S` must hold at every moment, `L` once all is well again. */
  readonly id: string
  readonly promise: string
  /** What of the history breaks it, in sentences with their time; none when it held. */
  broken(history: History): Generator<string>
}

/** `12.345 s`: when something happened, as reports tell it. */
export const at = (atMs: number): string => `${(atMs / 1000).toFixed(3)} s`
