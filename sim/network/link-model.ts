/**
 * What a link between two devices is like, one way. A model is data, so that a
 * schedule can hold it and a failed run can be repeated.
 */

import * as z from 'zod'

const Ms = z.number().min(0).max(600_000)

/** How long a packet takes from one end to the other, besides waiting for its turn. */
export const Delay = z.discriminatedUnion('distribution', [
  z.strictObject({ distribution: z.literal('constant'), ms: Ms }),
  /** Never below half of `ms`: nothing is faster than light. */
  z.strictObject({ distribution: z.literal('normal'), ms: Ms, deviationMs: Ms }),
  /** Pareto: `ms` is the least, and the smaller `shape`, the more often it is far more. */
  z.strictObject({ distribution: z.literal('heavy-tail'), ms: Ms, shape: z.number().min(1.1).max(10) })
])
export type Delay = z.infer<typeof Delay>

export const LinkModel = z.strictObject({
  delay: Delay,
  /** Up to this much is added, evenly; what left first still arrives first. */
  jitterMs: Ms,
  /** `null`: no limit. */
  bytesPerSecond: z.number().min(100).nullable(),
  /** What may wait for its turn; a sender that has more is told to wait itself. */
  queueBytes: z.int().min(1500),
  /** Mean share of packets that are lost, and how many are lost in a row (Gilbert 1960). */
  lossRate: z.number().min(0).max(0.9),
  lossBurst: z.number().min(1).max(1000),
  /** Share of messages in which a byte is flipped. */
  corruptRate: z.number().min(0).max(1)
})
export type LinkModel = z.infer<typeof LinkModel>

/**
 * - `up`: carries.
 * - `clogged`: carries nothing for now; what waits arrives once it is up again, as TCP sends again and again.
 * - `blackhole`: swallows. Nobody is told, and a connection that lost something is dead for good.
 * - `down`: connections over it are reset, and dials are refused.
 */
export const LinkState = z.enum(['up', 'clogged', 'blackhole', 'down'])
export type LinkState = z.infer<typeof LinkState>

/** Neither takes time nor loses anything: what remains is the cost of the nodes themselves. */
export const PERFECT: LinkModel = {
  delay: { distribution: 'constant', ms: 0 },
  jitterMs: 0,
  bytesPerSecond: null,
  queueBytes: 1024 * 1024,
  lossRate: 0,
  lossBurst: 1,
  corruptRate: 0
}
