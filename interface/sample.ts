/** A few of many, by the randomness that is passed in. */

import type { Random } from './clock.ts'

/** Up to `count` of `items`, chosen evenly. */
export function sample<T>(items: readonly T[], count: number, random: Random): T[] {
  const rest = [...items]
  const chosen: T[] = []
  while (rest.length > 0 && chosen.length < count) {
    chosen.push(...rest.splice(Math.floor(random() * rest.length), 1))
  }
  return chosen
}
