/** What answers of several units look like in JSON. */

import * as z from 'zod'
import { Continued, Data, Delta, Progress } from '../../interface/chunks.ts'
import { ReceiptTexts } from '../../interface/receipts.ts'
import { INPUT_BYTES_MAX } from '../../interface/units.ts'

const index = z.int().min(0)
const FinishReason = z.string()

export const Usage = z.strictObject({ inputTokens: z.int().optional(), outputTokens: z.int().optional() })

/** How an answer of text ended. */
export const Ending = {
  finishReason: FinishReason,
  usage: Usage,
  /** The answer was cut, and another device went on with it: exactly, or after its model was given what was said. */
  continued: Continued.optional(),
  /** What the devices that answered sign of it, each for its part; where it was asked for. */
  receipts: ReceiptTexts.optional()
}

/** An answer comes in pieces of text, deltas and data, or whole, with progress between; `done` comes last. */
export const Chunk = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text'), index, text: z.string() }),
  z.strictObject({ type: z.literal('delta'), index, ...Delta.shape }),
  z.strictObject({ type: z.literal('data'), index, ...Data.shape }),
  z.strictObject({ type: z.literal('progress'), index, ...Progress.shape }),
  z.strictObject({ type: z.literal('output'), index, output: z.unknown() }),
  z.strictObject({ type: z.literal('done'), index, ...Ending, contentSha256: z.string().optional() })
])

/** Bytes in base64, which takes four for three, and the JSON around them. */
export const inJson = (bytes: number): number => Math.ceil(bytes / 3) * 4 + INPUT_BYTES_MAX
