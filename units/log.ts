/** The log of this node, as its file has it: secrets and contents are cut out before a line is written. */

import * as z from 'zod'
import { LumosError } from '../interface/errors.ts'
import { LOG_LEVELS, LogLine, type OwnLog } from '../interface/log.ts'
import { defineUnit } from './define-unit.ts'

/** What a screen and a report of a fault hold. */
const LINES_MAX = 1000
const LINES = 200

export const logUnits = (log: OwnLog | undefined) => [
  defineUnit({
    name: 'log.tail',
    kind: 'query',
    permission: 'manage',
    endless: true,
    summary: 'The last lines of the log of this node. As a stream: those that follow, too.',
    input: z.strictObject({
      lines: z.int().min(0).max(LINES_MAX).default(LINES),
      /** The least severe. */
      level: z.enum(LOG_LEVELS).default('debug')
    }),
    examples: [{ input: { lines: 50, level: 'warn' } }],
    output: z.strictObject({ items: z.array(LogLine) }),
    item: LogLine,
    run: async ({ lines, level }) => ({ items: mustBe(log).last(lines, level) }),
    stream: ({ lines, level }, { signal }) => mustBe(log).follow(lines, level, { signal })
  })
]

function mustBe(log: OwnLog | undefined): OwnLog {
  if (log !== undefined) return log
  throw new LumosError('NOT_SUPPORTED', 'The program that this node runs in keeps its log.')
}
