/** The place of a request in its queue, for people. */

import type { QueuePlace } from './chunks.ts'
import type { SnakeCase } from './snake-case.ts'

/** Such as `3rd of 5, about 4 s`. */
export function queueWords({ place, of, wait_ms }: SnakeCase<QueuePlace>): string {
  return `${place}${endingOf(place)} of ${of}, about ${Math.max(1, Math.round(wait_ms / 1000))} s`
}

function endingOf(place: number): string {
  const tens = place % 100
  if (tens >= 11 && tens <= 13) return 'th'
  return ['th', 'st', 'nd', 'rd'][place % 10] ?? 'th'
}
