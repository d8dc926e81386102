/** How a text is to be generated. What is left out is what the model's makers set, and greedy where they set nothing. */

import * as z from 'zod'
import { TOKENS_MAX } from '../limits.ts'

/** Sequences that end an answer. */
export const STOPS_MAX = 16
export const STOP_CHARS_MAX = 256
/** Tools that a conversation offers. */
export const TOOLS_MAX = 256
/** What one tool is described by: a schema is not a place for data. */
const SCHEMA_BYTES_MAX = 64 * 1024
const DESCRIPTION_CHARS_MAX = 16 * 1024
export const TOP_LOGPROBS_MAX = 20

const ToolName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\w.:-]+$/, 'letters, digits and _.:- only')

/** Of the engine: which of JSON Schema's words it holds an answer to is its own matter. */
const JsonSchema = z.record(z.string(), z.unknown()).refine(schema => charsOf(schema) <= SCHEMA_BYTES_MAX, {
  error: `holds more than ${SCHEMA_BYTES_MAX} bytes, or is nested too deeply`
})

/** What is nested so deeply that it cannot be written is as good as endless. */
function charsOf(schema: object): number {
  try {
    return JSON.stringify(schema).length
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

export const Tool = z.object({
  name: ToolName,
  description: z.string().max(DESCRIPTION_CHARS_MAX).optional(),
  /** JSON Schema of its arguments; absent: it takes none. */
  parameters: JsonSchema.optional()
})
export type Tool = z.infer<typeof Tool>

const ToolChoice = z.union([z.enum(['auto', 'none', 'required']), z.object({ name: ToolName })])

const ResponseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json') }),
  z.object({ type: z.literal('json_schema'), schema: JsonSchema })
])
export type ResponseFormat = z.infer<typeof ResponseFormat>

export const GenerationParams = z.strictObject({
  /** Absent: as many as the model has room for. */
  maxTokens: z.int().min(1).max(TOKENS_MAX).optional(),
  /** 0 is greedy. */
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().gt(0).max(1).optional(),
  topK: z.int().min(0).max(1_000_000).optional(),
  minP: z.number().min(0).max(1).optional(),
  frequencyPenalty: z.number().min(-2).max(2).optional(),
  presencePenalty: z.number().min(-2).max(2).optional(),
  repetitionPenalty: z.number().gt(0).max(10).optional(),
  seed: z.int().optional(),
  stop: z.array(z.string().min(1).max(STOP_CHARS_MAX)).max(STOPS_MAX).optional(),
  /** Whether each token comes with its log-probability, and with how many others. */
  logprobs: z.boolean().optional(),
  topLogprobs: z.int().min(0).max(TOP_LOGPROBS_MAX).optional(),
  tools: z.array(Tool).max(TOOLS_MAX).optional(),
  toolChoice: ToolChoice.optional(),
  /** Several calls in one turn may be made. */
  parallelToolCalls: z.boolean().optional(),
  responseFormat: ResponseFormat.optional()
})
