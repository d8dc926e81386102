/**
 * Reads the log's file from its end, and follows it. A reader is a place in the file: one that reads slowly costs no
 * memory, and skips what it is too late for.
 */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../interface/clock.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { LOG_LEVELS, type LogLevel, type LogLine, type OwnLog } from '../../interface/log.ts'
import { isRecord } from '../../interface/record.ts'

/** A thousand lines of usual length; bounds what one call reads. */
const READ_BYTES_MAX = 512 * 1024
/** A person does not see that a line is half a second late. */
const LOOK_AGAIN_MS = 500
const NEWLINE = 10

/** A part of a file, from `start` to `end` in bytes. */
interface Part {
  readonly inode: number
  readonly bytes: Buffer
  readonly end: number
}

export class LogReader implements OwnLog {
  readonly #dir: string
  readonly #clock: Clock

  constructor(dir: string, clock: Clock) {
    this.#dir = dir
    this.#clock = clock
  }

  last(lines: number, level: LogLevel): LogLine[] {
    if (lines === 0) return []
    const newest = wanted(this.#part(0), level)
    const older = newest.length < lines ? wanted(this.#part(1), level) : []
    return [...older, ...newest].slice(-lines)
  }

  async *follow(lines: number, level: LogLevel, { signal }: AbortOptions): AsyncGenerator<LogLine> {
    let place = this.#part(0)
    yield* this.last(lines, level)
    while (!signal?.aborted) {
      const part = this.#part(0, place)
      // A new file was begun: the end of the old one is read first.
      if (place !== undefined && part !== undefined && part.inode !== place.inode) {
        const rest = this.#part(1, place)
        if (rest?.inode === place.inode) yield* wanted(rest, level)
      }
      place = part ?? place
      const found = wanted(part, level)
      yield* found
      if (found.length === 0) await this.#wait(signal)
    }
  }

  /** Whole lines at the end of a file, or those after `from` where it is the same file. */
  #part(age: number, from?: Part): Part | undefined {
    let fd: number
    try {
      fd = openSync(join(this.#dir, age === 0 ? 'lumos.log' : `lumos.${age}.log`), 'r')
    } catch {
      return undefined
    }
    try {
      const { size, ino } = fstatSync(fd)
      const isSame = from?.inode === ino && from.end <= size
      const start = Math.max(isSame ? from.end : 0, size - READ_BYTES_MAX)
      const bytes = Buffer.alloc(size - start)
      const count = readSync(fd, bytes, 0, bytes.length, start)
      const whole = bytes.subarray(0, count).lastIndexOf(NEWLINE) + 1
      // In the middle of a line where more is left out before it.
      const begin = start === 0 || (isSame && start === from.end) ? 0 : bytes.indexOf(NEWLINE) + 1
      return { inode: ino, bytes: bytes.subarray(Math.min(begin, whole), whole), end: start + whole }
    } finally {
      closeSync(fd)
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        timer.cancel()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = this.#clock.setTimer(done, LOOK_AGAIN_MS)
      signal?.addEventListener('abort', done)
    })
  }
}

function wanted(part: Part | undefined, level: LogLevel): LogLine[] {
  const least = LOG_LEVELS.indexOf(level)
  return (part?.bytes.toString('utf8') ?? '')
    .split('\n')
    .flatMap(text => lineOf(text) ?? [])
    .filter(line => LOG_LEVELS.indexOf(line.level) >= least)
}

/** A line that was cut by a crash is left out. */
function lineOf(text: string): LogLine | undefined {
  try {
    const line: unknown = JSON.parse(text)
    if (!isRecord(line)) return undefined
    const { time, level, msg, ...fields } = line
    return {
      time: typeof time === 'string' ? time : null,
      level: LOG_LEVELS.find(name => name === level) ?? 'info',
      message: typeof msg === 'string' ? msg : '',
      fields
    }
  } catch {
    return undefined
  }
}
