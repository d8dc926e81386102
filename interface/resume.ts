/**
 * What of an answer has come before its peer was lost, so that another one goes on from there. It adds nothing to what
 * is asked: it is the beginning of the answer itself.
 */

import * as z from 'zod'
import { NAME_CHARS_MAX, TOOL_CALLS_MAX } from './chunks.ts'

/** A longer answer is not continued: 128 Ki characters are some 32,000 tokens, and fit beside a prompt in one message. */
export const RESUME_CHARS_MAX = 128 * 1024
export const RESUME_TOKENS_MAX = 32_768
/** More chunks than an answer of so many characters has. */
const RESUME_INDEX_MAX = 1_000_000

const Said = z.string().max(RESUME_CHARS_MAX)
const Call = z.object({
  id: z.string().max(NAME_CHARS_MAX),
  name: z.string().max(NAME_CHARS_MAX),
  arguments: Said
})

/** Whether an answer comes out the same where it is written again by the same model: the likeliest tokens, or the same seed. */
export const isRepeatable = ({ temperature, seed }: Readonly<Record<string, unknown>>): boolean =>
  temperature === 0 || seed !== undefined

export const Resume = z.object({
  /** Chunks that have come, so the number of the next one. */
  index: z.int().min(1).max(RESUME_INDEX_MAX),
  text: Said,
  reasoning: Said.optional(),
  toolCalls: z.array(Call).max(TOOL_CALLS_MAX).optional(),
  /** Ids of the tokens of all this, where the engine gave them. Another engine decides whether they mean the same to it. */
  tokens: z.array(z.int().min(0).max(0xffff_ffff)).max(RESUME_TOKENS_MAX)
})
export type Resume = z.infer<typeof Resume>
