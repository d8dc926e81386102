/** The log of a node as those see it who read it. */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'

/** From the least severe on. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export const LogLine = z.strictObject({
  /** ISO 8601; null where the line has none. */
  time: z.string().nullable(),
  level: z.enum(LOG_LEVELS),
  message: z.string(),
  /** What else the line has. */
  fields: z.record(z.string(), z.unknown())
})
export type LogLine = z.infer<typeof LogLine>

export interface OwnLog {
  /** The last lines of this level or a more severe one, the oldest first. */
  last(lines: number, level: LogLevel): LogLine[]
  /** Those, and each that is written from then on, until the signal aborts or the loop is left. */
  follow(lines: number, level: LogLevel, options: AbortOptions): AsyncIterable<LogLine>
}
