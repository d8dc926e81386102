/** What becomes of weights and of pulls, as events. */

import * as z from 'zod'
import { Verified, WeightSource } from '../../interface/weights.ts'

const Model = z.strictObject({ modelId: z.string() })

export const WEIGHT_EVENTS = {
  /** Weights are in the store of this device under this name, or others than before. */
  'model.created': Model.extend({ cid: z.string() }),
  /** The store has no weights of this name any more. */
  'model.deleted': Model,
  /** The files of one model, or of all, were hashed anew. */
  'model.verified': z.strictObject({
    /** Null: of all. */
    modelId: z.string().nullable(),
    valid: z.boolean(),
    issues: Verified.shape.problems
  }),
  /** A pull goes on; four times a second at most. */
  'model.pull_progress': z.strictObject({
    jobId: z.string(),
    modelId: z.string(),
    bytesDone: z.int(),
    bytesTotal: z.int(),
    bytesPerSecond: z.number(),
    /** Null while the rate is not known. */
    leftMs: z.number().nullable(),
    /** Where what is done came from; the most first. */
    sources: z.array(WeightSource)
  })
}

type WeightEvents = typeof WEIGHT_EVENTS
declare module '../../interface/events.ts' {
  interface EventSchemas extends WeightEvents {}
}
