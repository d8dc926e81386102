/** What becomes of the models of a node, as events. */

import * as z from 'zod'

const Model = z.strictObject({ modelId: z.string() })

export const MODEL_EVENTS = {
  /** The model can answer. */
  'model.loaded': Model.extend({ durationMs: z.number(), memoryBytes: z.int() }),
  /** It takes no memory any more. `lost`: its engine died; `grown`: it took much more than after its load. */
  'model.unloaded': Model.extend({ reason: z.enum(['idle', 'asked', 'grown', 'lost']) }),
  /** It was unloaded for another model. */
  'model.evicted': Model,
  /** It could not be loaded. */
  'model.failed': Model.extend({ code: z.string(), message: z.string() })
}

type ModelEvents = typeof MODEL_EVENTS
declare module '../../interface/events.ts' {
  interface EventSchemas extends ModelEvents {}
}
