import type { Random } from '../../interface/clock.ts'

/** `count` of `items`, one out of each stretch of equal length, so that no part of them is left out. */
export function sampled<T>(items: readonly T[], count: number, random: Random): T[] {
  if (count >= items.length) return [...items]
  const stretch = items.length / count
  return Array.from({ length: count }, (_, n) => items[Math.floor((n + random()) * stretch)]!)
}
