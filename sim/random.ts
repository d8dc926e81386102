/**
 * Chance from a seed: the same seed gives the same run.
 *
 * Mulberry32: 32 bits of state are plenty to choose topologies and victims, and
 * the whole generator is four lines.
 */

import type { Random } from '../interface/clock.ts'

export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One of `items`, each as likely as any other. */
export const pick = <T>(items: readonly T[], random: Random): T => items[Math.floor(random() * items.length)]!
