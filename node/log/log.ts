/**
 * The node's log: JSON lines in a rotated file under the home for programs,
 * short lines on stderr for people.
 *
 * Prompts, inputs and secrets never reach either: they are cut out by the name
 * of their field, so that a careless log call cannot leak them. Each message is bounded, so that a peer which causes it
 * cannot push the others out of the file.
 */

import pino from 'pino'
import type { Clock } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { LineBudget } from './line-budget.ts'
import { LogFile } from './log-file.ts'
import { humanLine } from './log-line.ts'

type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** A `Logger` whose every line can carry some fields more. */
export interface NodeLogger extends Logger {
  child(fields: object): NodeLogger
  /** Ask before building an expensive message. */
  isLevelEnabled(level: LogLevel): boolean
}

export interface Log extends NodeLogger, Disposable {
  /** Write `lumos.log` in `dir`, with what was logged so far. Until then there is only stderr. */
  openFile(dir: string): void
  close(): void
}

export interface LogOptions {
  readonly clock: Clock
  /** What the file gets at least. Default: info. */
  readonly level?: LogLevel
  /** What people see at least. Default: warn. */
  readonly stderrLevel?: LogLevel
  /** Default: this process's stderr. */
  readonly stderr?: NodeJS.WritableStream & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'hasColors'>>
}

const SECRETS = ['token', 'secret', 'privateKey', 'passphrase', 'authorization', 'password', 'cookie']
const CONTENTS = ['input', 'prompt', 'messages', 'content', 'text', 'tensors', 'image', 'envelope']
/** A field is cut out where it is logged itself and up to two objects deep. */
const REDACTED = [...SECRETS, ...CONTENTS].flatMap(name => [name, `*.${name}`, `*.*.${name}`])

export function createLog({
  clock,
  level = 'info',
  stderrLevel = 'warn',
  stderr = process.stderr
}: LogOptions): Log {
  const file = new LogFile()
  // Asks NO_COLOR, FORCE_COLOR and TERM.
  const colour = stderr.isTTY === true && stderr.hasColors?.() === true
  // The reader of stderr may end, and the node goes on without it. Some errors come late, so this stays.
  if (!stderr.listeners('error').includes(ignore)) stderr.on('error', ignore)

  const streams = pino.multistream([
    { level, stream: file },
    { level: stderrLevel, stream: { write: json => void stderr.write(humanLine(json, colour)) } }
  ])
  const budget = new LineBudget(clock)
  const logger = pino(
    {
      // The streams have levels of their own; this is the lower one.
      level: pino.levels.values[level]! < pino.levels.values[stderrLevel]! ? level : stderrLevel,
      base: undefined,
      timestamp: () => `,"time":"${new Date(clock.wallMs()).toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      hooks: { logMethod: bounded(budget) },
      redact: { paths: REDACTED, censor: '[redacted]' }
    },
    streams
  )

  const close = () => file.close()
  return Object.assign(logger, { openFile: (dir: string) => file.open(dir), close, [Symbol.dispose]: close })
}

/** Debug lines are for a person who asked for all of them. */
const bounded = (budget: LineBudget): NonNullable<pino.LoggerOptions['hooks']>['logMethod'] =>
  function (args, method, level) {
    if (level <= pino.levels.values.debug!) return method.apply(this, args)
    const [fields, message] = args as unknown as [object | string, string | undefined]
    const leftOut = budget.spend(typeof fields === 'string' ? fields : (message ?? ''))
    if (leftOut === undefined) return
    if (leftOut === 0 || typeof fields === 'string') return method.apply(this, args)
    method.apply(this, [{ ...fields, leftOut }, message] as unknown as typeof args)
  }

const ignore = (): void => {}
