/** How fast a measured value grows, and how sure one can be of it. */

export interface Point {
  readonly hours: number
  readonly value: number
}

export interface Slope {
  readonly perHour: number
  /** Half the width of the 95 % confidence interval. */
  readonly marginPerHour: number
}

/**
 * The least-squares slope of `points`, at least three of them.
 *
 * Memory that is high now is high a minute later, so that neighbouring points say
 * less than two independent ones would. The number of points is corrected for that
 * by the residuals' lag-1 autocorrelation (Santer et al. 2000, doi 10.1029/1999JD901105);
 * without it the interval would promise too much.
 */
export function slopeOf(points: readonly Point[]): Slope {
  const meanHours = meanOf(points.map(({ hours }) => hours))
  const mean = meanOf(points.map(({ value }) => value))
  const spread = sum(points.map(({ hours }) => (hours - meanHours) ** 2))
  const perHour = sum(points.map(({ hours, value }) => (hours - meanHours) * (value - mean))) / spread

  const residuals = points.map(({ hours, value }) => value - mean - perHour * (hours - meanHours))
  const squares = sum(residuals.map(residual => residual ** 2))
  const neighbours = sum(residuals.slice(1).map((residual, i) => residual * residuals[i]!))
  const correlation = squares === 0 ? 0 : Math.max(0, neighbours / squares)
  const independent = Math.max(3, (points.length * (1 - correlation)) / (1 + correlation))
  const error = Math.sqrt(squares / (independent - 2) / spread)
  return { perHour, marginPerHour: error * studentT(independent - 2) }
}

/**
 * The mean of the slopes of several nodes, at least two of them; how far they lie
 * apart says how sure it is, whatever their noise is like.
 */
export function meanSlope(slopes: readonly Slope[]): Slope {
  const perHour = meanOf(slopes.map(slope => slope.perHour))
  const variance = sum(slopes.map(slope => (slope.perHour - perHour) ** 2)) / (slopes.length - 1)
  return { perHour, marginPerHour: Math.sqrt(variance / slopes.length) * studentT(slopes.length - 1) }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const meanOf = (values: readonly number[]): number => sum(values) / values.length

/** Two-sided 95 % quantiles of Student's t by degrees of freedom, from one on. */
const T95 = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23]

/** Beyond the table, an approximation from above that is at most 1 % off. */
const studentT = (freedom: number): number => T95[Math.floor(freedom) - 1] ?? 1.96 + 2.8 / freedom
