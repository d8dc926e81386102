/** What tasks on audio share. A recording travels as the bytes of its file, and the engine's process decodes it. */

import * as z from 'zod'
import type { SnakeCase } from '../snake-case.ts'
import { bytesMax } from './bytes.ts'

/** What is decoded is bounded by the engine; this bounds the file. 25 MiB is what other services of the field take. */
export const AUDIO_BYTES_MAX = 25 * 1024 * 1024
/** Milliseconds in a day: no recording that is taken lasts longer. */
const TIME_MS_MAX = 24 * 60 * 60 * 1000

export const Audio = bytesMax(AUDIO_BYTES_MAX)

export const timeMs = z.number().min(0).max(TIME_MS_MAX)

/** From the begin of the recording. */
export const Span = z.object({ startMs: timeMs, endMs: timeMs })

/** A span of an answer in JSON, for a person. */
export const secondsOf = ({ start_ms, end_ms }: SnakeCase<z.infer<typeof Span>>) => ({
  start: `${(start_ms / 1000).toFixed(2)} s`,
  end: `${(end_ms / 1000).toFixed(2)} s`
})

/** As BCP 47 writes it, such as `en` or `pt-BR`. */
export const Language = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*$/, 'must be the tag of a language, such as en')
