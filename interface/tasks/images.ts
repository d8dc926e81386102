/** What tasks on pictures share. A picture travels as the bytes of its file, and the engine's process decodes it. */

import * as z from 'zod'
import { ANSWERED_LABEL_CHARS_MAX } from '../limits.ts'
import { bytesMax } from './bytes.ts'

/** Decoded pictures are bounded by the engine; this bounds the file. 25 MiB is what phones produce at most. */
export const IMAGE_BYTES_MAX = 25 * 1024 * 1024
/** Of one answer; also of what one request asks about. */
export const LABELS_MAX = 1000

export const Image = bytesMax(IMAGE_BYTES_MAX)
export const topK = z.int().min(1).max(LABELS_MAX).default(5)

/** The likeliest first. */
export const Labels = z.object({
  labels: z
    .array(z.object({ label: z.string().max(ANSWERED_LABEL_CHARS_MAX), score: z.number().min(0).max(1) }))
    .max(LABELS_MAX)
})
