/**
 * Chance from a seed: the same seed gives the same run.
 *
 * Each part draws from a generator of its own, forked by name: a link more or a
 * scenario that asks once more changes nothing for the others.
 */

import { createHash } from 'node:crypto'
import type { Random } from '../interface/clock.ts'

/** Mulberry32: 32 bits of state are plenty to choose topologies and victims, and the generator is four lines. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The generator of the part called `name` in the run that `seed` stands for. */
export const forkRandom = (seed: number, name: string): Random =>
  seededRandom(createHash('sha256').update(`${seed} ${name}`).digest().readUInt32LE())

/** One of `items`, each as likely as any other. */
export const pick = <T>(items: readonly T[], random: Random): T => items[Math.floor(random() * items.length)]!

/** Up to `count` different ones of `items`. */
export function pickSome<T>(items: readonly T[], count: number, random: Random): T[] {
  const rest = [...items]
  return Array.from(
    { length: Math.min(count, rest.length) },
    () => rest.splice(Math.floor(random() * rest.length), 1)[0]!
  )
}

/** Standard normal: mean 0, deviation 1 (Box and Muller 1958). */
export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
