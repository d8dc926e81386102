/** Medians and how far they can be trusted, on machines whose noise drifts and has outliers. */

export function medianOf(values: readonly number[]): number {
  return quantileOf(values, 0.5)
}

/** Linear between the two nearest values. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!]
  return below + (above - below) * (at - Math.floor(at))
}

/** The standard deviation of normal noise is its interquartile range over 1.349. */
const DEVIATIONS_PER_RANGE = 1.349
/** The median of normal noise varies by √(π/2) of what its mean would. */
const MEDIAN_EXCESS = Math.sqrt(Math.PI / 2)
const DEVIATIONS_OF_95_PERCENT = 1.96

/**
 * Half the width of the 95 % confidence interval of the median, relative to it.
 * Taken from the quartiles, so that a round which a neighbour spoiled does not count.
 */
export function noiseOf(values: readonly number[]): number {
  const median = medianOf(values)
  if (values.length < 2 || median === 0) return 0
  const deviation = (quantileOf(values, 0.75) - quantileOf(values, 0.25)) / DEVIATIONS_PER_RANGE
  const error = (MEDIAN_EXCESS * deviation) / Math.sqrt(values.length)
  return Math.abs((DEVIATIONS_OF_95_PERCENT * error) / median)
}

/** Round by round, so that what drifts for both of them cancels out. */
export const ratiosOf = (values: readonly number[], base: readonly number[]): number[] =>
  values.map((value, round) => value / base[round]!)
