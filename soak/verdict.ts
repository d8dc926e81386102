/** Whether a soak has shown that nothing grows. */

import type { Measured } from './member.ts'
import type { Sample } from './sample.ts'
import { meanSlope, type Point, type Slope, slopeOf } from './slope.ts'

/** A measurement of one node, and when it was taken. */
export interface NodeSample extends Omit<Measured, 'callsMs'> {
  readonly node: string
  /** Since the soak began. */
  readonly hours: number
}

export interface Limit {
  readonly metric: keyof Sample
  readonly title: string
  readonly unit: string
  /** What may be added in an hour. */
  readonly perHourMax: number
}

/**
 * One megabyte an hour is 24 MB a day, about half of what made others notice a leak
 * (43 MB a day). Counts may grow by what one event of churn in ten would leave
 * behind if each took the usual ten seconds; connections come and go with churn.
 */
export const LIMITS: readonly Limit[] = [
  { metric: 'rssMB', title: 'resident memory', unit: 'MB', perHourMax: 1 },
  { metric: 'heapMB', title: 'live heap', unit: 'MB', perHourMax: 1 },
  { metric: 'externalMB', title: 'live buffers', unit: 'MB', perHourMax: 1 },
  { metric: 'descriptors', title: 'descriptors', unit: '', perHourMax: 6 },
  { metric: 'listeners', title: 'listeners', unit: '', perHourMax: 36 },
  { metric: 'streams', title: 'streams', unit: '', perHourMax: 36 }
]

export interface Verdict extends Limit {
  /** Mean of the nodes that stayed. */
  readonly first: number
  readonly last: number
  readonly slope: Slope
  /** The node that grew fastest. */
  readonly worst: Slope & { readonly node: string }
  /** `unclear`: the limit lies within the interval, and only a longer soak can tell. */
  readonly result: 'flat' | 'unclear' | 'rising'
}

/** Fewer points have no slope worth the name. */
const POINTS_MIN = 5

/** For each limit, of what was measured from `warmHours` on; nothing when that is too little. */
export function judge(samples: readonly NodeSample[], warmHours: number): Verdict[] {
  const warm = samples.filter(({ hours }) => hours >= warmHours)
  const nodes = [...Map.groupBy(warm, ({ node }) => node)]
  if (nodes.length < 2) return []
  return LIMITS.flatMap(limit => {
    const series = nodes.map(([node, own]) => ({ node, points: pointsOf(own, limit.metric) }))
    if (series.some(({ points }) => points.length < POINTS_MIN)) return []
    const slopes = series.map(({ node, points }) => ({ node, ...slopeOf(points) }))
    const meanOf = (at: 0 | -1): number =>
      series.reduce((total, { points }) => total + points.at(at)!.value, 0) / series.length
    const slope = meanSlope(slopes)
    const worst = slopes.toSorted((a, b) => b.perHour - a.perHour)[0]!
    const result = resultOf(slope, slopes, limit.perHourMax)
    return [{ ...limit, first: meanOf(0), last: meanOf(-1), slope, worst, result }]
  })
}

/** Not everything is counted each time. */
const pointsOf = (samples: readonly NodeSample[], metric: keyof Sample): Point[] =>
  samples.flatMap(({ hours, [metric]: value }) => (value === undefined ? [] : [{ hours, value }]))

/** One node that surely leaks is enough. */
function resultOf(mean: Slope, slopes: readonly Slope[], perHourMax: number): Verdict['result'] {
  const surelyAbove = ({ perHour, marginPerHour }: Slope) => perHour - marginPerHour > perHourMax
  if (surelyAbove(mean) || slopes.some(surelyAbove)) return 'rising'
  return mean.perHour + mean.marginPerHour <= perHourMax ? 'flat' : 'unclear'
}
