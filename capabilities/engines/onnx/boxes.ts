/** Boxes that a graph found in a picture, and which of them show the same. */

export interface Box {
  readonly xmin: number
  readonly ymin: number
  readonly xmax: number
  readonly ymax: number
}

const areaOf = ({ xmin, ymin, xmax, ymax }: Box): number => (xmax - xmin) * (ymax - ymin)

/** Of what both boxes cover together, the part that both cover: 0 to 1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.xmax, b.xmax) - Math.max(a.xmin, b.xmin)
  const height = Math.min(a.ymax, b.ymax) - Math.max(a.ymin, b.ymin)
  if (width <= 0 || height <= 0) return 0
  const shared = width * height
  return shared / (areaOf(a) + areaOf(b) - shared)
}

/**
 * Of boxes that overlap by more than `most`, the surest (non-maximum suppression).
 *
 * @returns at most `count`, surest first.
 */
export function surest<T extends { readonly box: Box; readonly score: number }>(
  found: readonly T[],
  most: number,
  count: number
): T[] {
  const kept: T[] = []
  for (const one of found.toSorted((a, b) => b.score - a.score)) {
    if (kept.length === count) break
    if (kept.every(({ box }) => overlap(box, one.box) <= most)) kept.push(one)
  }
  return kept
}
