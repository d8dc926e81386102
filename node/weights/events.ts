/** What becomes of pulls, as events. */

import * as z from 'zod'
import { WeightSource } from '../../interface/weights.ts'

export const WEIGHT_EVENTS = {
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
