/** One reader of bytes that somebody else has made. */

import type { Random } from '../../interface/clock.ts'

export interface Target {
  readonly name: string
  /** What an honest peer, program or disk gives. Each must be accepted. */
  readonly seeds: readonly Uint8Array[]
  /** Times the usual number of runs: less for what takes its time, more for what is seldom reached; default 1. */
  readonly share?: number
  /** What the reader of a text looks for. */
  readonly words?: readonly string[]
  /** Returns anything, or throws a `LumosError`. */
  read(bytes: Uint8Array): unknown
  /** What a refused input must leave as it is. */
  state?(): string
  /** Writes what was read, so that it reads the same. */
  encode?(value: unknown): Uint8Array
  /** Another input of the same form. */
  mutate?(bytes: Uint8Array, random: Random): Uint8Array | Promise<Uint8Array>
}
