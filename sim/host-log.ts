/** What one device logged, kept in memory: the lines that say that something is wrong, and how often each code came at any level. */

import type { NodeLogger } from '../node/log/log.ts'

/** The last ones say what led to a failure. */
const LINES_MAX = 500

export interface LogLine {
  readonly level: 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export class HostLog implements NodeLogger {
  readonly lines: LogLine[] = []
  readonly codes = new Map<string, number>()

  debug(fields: object): void {
    this.#count(fields)
  }

  info(fields: object): void {
    this.#count(fields)
  }

  warn(fields: object, message = ''): void {
    this.#keep('warn', fields, message)
  }

  error(fields: object, message = ''): void {
    this.#keep('error', fields, message)
  }

  child(fields: object): NodeLogger {
    return new ChildLog(this, fields)
  }

  isLevelEnabled(level: string): boolean {
    return level === 'warn' || level === 'error'
  }

  #keep(level: LogLine['level'], fields: object, message: string): void {
    this.#count(fields)
    this.lines.push({ level, message, fields: { ...fields } })
    if (this.lines.length > LINES_MAX) this.lines.shift()
  }

  #count({ code }: { code?: unknown }): void {
    if (typeof code === 'string') this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
  }
}

class ChildLog implements NodeLogger {
  readonly #parent: NodeLogger
  readonly #fields: object

  constructor(parent: NodeLogger, fields: object) {
    this.#parent = parent
    this.#fields = fields
  }

  debug(fields: object, message: string): void {
    this.#parent.debug({ ...this.#fields, ...fields }, message)
  }

  info(fields: object, message: string): void {
    this.#parent.info({ ...this.#fields, ...fields }, message)
  }

  warn(fields: object, message: string): void {
    this.#parent.warn({ ...this.#fields, ...fields }, message)
  }

  error(fields: object, message: string): void {
    this.#parent.error({ ...this.#fields, ...fields }, message)
  }

  child(fields: object): NodeLogger {
    return new ChildLog(this, fields)
  }

  isLevelEnabled(level: 'debug' | 'info' | 'warn' | 'error'): boolean {
    return this.#parent.isLevelEnabled(level)
  }
}
