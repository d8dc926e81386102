/** How a text is to be generated. What is left out is what the model's makers set, and greedy where they set nothing. */

import * as z from 'zod'
import { exceeds } from '../json-extent.ts'
import { TOKENS_MAX } from '../limits.ts'
import { isRecord } from '../record.ts'
import { keepAlive } from './keep-alive.ts'

/** Sequences that end an answer. */
export const STOPS_MAX = 16
export const STOP_CHARS_MAX = 256
/** Tools that a conversation offers. */
const TOOLS_MAX = 256
/** What one tool is described by: a schema is not a place for data. */
const SCHEMA_CHARS_MAX = 64 * 1024
/** All tools of a conversation: each of these characters is looked at where the network runs, and by the model. */
const TOOLS_CHARS_MAX = 512 * 1024
/** Objects and lists of a schema within one another: twice as many as an engine follows schemas within schemas. */
const SCHEMA_DEPTH_MAX = 64
const DESCRIPTION_CHARS_MAX = 16 * 1024
export const TOP_LOGPROBS_MAX = 20

const ToolName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\w.:-]+$/, 'letters, digits and _.:- only')

const TOO_LARGE: Readonly<Record<'chars' | 'depth', string>> = {
  chars: `holds more than ${SCHEMA_CHARS_MAX} characters`,
  depth: `is nested more than ${SCHEMA_DEPTH_MAX} deep`
}

/**
 * Of the engine: which of JSON Schema's words it holds an answer to is its own matter. It is not read as a record of the
 * library, which takes a second for a few thousand keys.
 */
const JsonSchema = (z.unknown() as z.ZodType<Record<string, unknown>>).superRefine((value, context) => {
  if (!isRecord(value)) {
    context.addIssue({ code: 'invalid_type', expected: 'record', input: value })
    return
  }
  const what = exceeds(value, SCHEMA_CHARS_MAX, SCHEMA_DEPTH_MAX)
  if (what !== undefined) context.addIssue({ code: 'custom', message: TOO_LARGE[what] })
})

/** Measured as a whole before each is read. */
export const toolsOf = <S extends z.ZodType>(tool: S) =>
  z
    .array(z.unknown())
    .max(TOOLS_MAX)
    .refine(tools => exceeds(tools, TOOLS_CHARS_MAX, Number.POSITIVE_INFINITY) === undefined, {
      error: `hold more than ${TOOLS_CHARS_MAX} characters together`
    })
    .pipe(z.array(tool))

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
  tools: toolsOf(Tool).optional(),
  toolChoice: ToolChoice.optional(),
  /** Several calls in one turn may be made. */
  parallelToolCalls: z.boolean().optional(),
  responseFormat: ResponseFormat.optional(),
  keepAlive
})
