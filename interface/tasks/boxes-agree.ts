/** Whether two devices saw the same things at the same places: boxes move by a pixel or two between processors. */

import { NEAR } from './agreement.ts'

interface BoxPlace {
  readonly xmin: number
  readonly ymin: number
  readonly xmax: number
  readonly ymax: number
}

interface Seen {
  readonly box: BoxPlace
  readonly score: number
}

/** Of the area of both boxes together: the boxes of two things overlap less. */
const OVERLAP_MIN = 0.5
/** On each side. A small box that moves by a pixel overlaps less. */
const NEAR_PIXELS = 2

const isSamePlace = (one: BoxPlace, other: BoxPlace): boolean =>
  (['xmin', 'ymin', 'xmax', 'ymax'] as const).every(
    side => Math.abs(one[side] - other[side]) <= NEAR_PIXELS
  ) || overlapOf(one, other) >= OVERLAP_MIN

/**
 * Pairs of places in both lists, each in one pair at most; undefined where one of a list is without a partner and is too
 * certain to have been left out by the other device.
 */
export function pairsOf<T extends Seen>(
  one: readonly T[],
  other: readonly T[],
  { threshold, isSame }: { readonly threshold: number; isSame(one: T, other: T): boolean }
): (readonly [number, number])[] | undefined {
  const left = new Set(other.keys())
  const pairs: (readonly [number, number])[] = []
  const mayMiss = ({ score }: Seen) => score <= threshold + NEAR
  for (const [at, seen] of one.entries()) {
    const found = [...left].find(
      place =>
        Math.abs(other[place]!.score - seen.score) <= NEAR &&
        isSamePlace(other[place]!.box, seen.box) &&
        isSame(seen, other[place]!)
    )
    if (found !== undefined) {
      left.delete(found)
      pairs.push([at, found])
    } else if (!mayMiss(seen)) return undefined
  }
  return [...left].every(place => mayMiss(other[place]!)) ? pairs : undefined
}

function overlapOf(one: BoxPlace, other: BoxPlace): number {
  const width = Math.min(one.xmax, other.xmax) - Math.max(one.xmin, other.xmin)
  const height = Math.min(one.ymax, other.ymax) - Math.max(one.ymin, other.ymin)
  const shared = Math.max(0, width) * Math.max(0, height)
  const all = areaOf(one) + areaOf(other) - shared
  return all > 0 ? shared / all : 0
}

const areaOf = ({ xmin, ymin, xmax, ymax }: BoxPlace): number =>
  Math.max(0, xmax - xmin) * Math.max(0, ymax - ymin)
