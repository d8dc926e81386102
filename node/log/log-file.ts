/**
 * The log's file: `lumos.log`, and older ones numbered from 1, all of bounded
 * size.
 *
 * Each line is written at once and synchronously: it goes to the system's
 * cache in microseconds, and the line before a crash, which is the one that
 * matters, is never lost with a buffer. (pino-roll does the same with a
 * buffer, but loads a calendar library: 70 ms and 14 MB at every start.)
 */

import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** With the old files, 25 MiB: days of normal work, an hour of everything libp2p can tell. */
const FILE_BYTES_MAX = 5 * 1024 * 1024
const OLD_FILES_MAX = 4
/** Lines kept until the home is open and the file can be made. */
const EARLY_LINES_MAX = 256

export class LogFile {
  readonly #bytesMax: number
  #dir: string | undefined
  #fd: number | undefined
  #bytes = 0
  #early: string[] = []
  #lost = 0

  constructor(bytesMax = FILE_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** Write to `dir` from now on, first what was logged before. */
  open(dir: string): void {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    this.#dir = dir
    this.#openCurrent()
    for (const line of this.#early.splice(0)) this.write(line)
  }

  /** A full disk must not stop the node: what cannot be written is counted and told later. */
  write(line: string): void {
    if (this.#dir === undefined) {
      if (this.#early.length < EARLY_LINES_MAX) this.#early.push(line)
      return
    }
    try {
      if (this.#fd === undefined) this.#openCurrent()
      if (this.#bytes >= this.#bytesMax) this.#rotate()
      if (this.#lost > 0) this.#append(`${JSON.stringify({ level: 'warn', lost: this.#lost, msg: LOST })}\n`)
      this.#lost = 0
      this.#append(line)
    } catch {
      this.#lost += 1
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    this.#dir = undefined
  }

  #append(line: string): void {
    const bytes = Buffer.from(line)
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd!, bytes, at)
    this.#bytes += bytes.length
  }

  #openCurrent(): void {
    this.#fd = openSync(this.#path(0), 'a', 0o600)
    this.#bytes = fstatSync(this.#fd).size
  }

  #rotate(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    rmSync(this.#path(OLD_FILES_MAX), { force: true })
    for (let age = OLD_FILES_MAX - 1; age >= 0; age--) renameIfThere(this.#path(age), this.#path(age + 1))
    this.#openCurrent()
  }

  #path(age: number): string {
    return join(this.#dir!, age === 0 ? 'lumos.log' : `lumos.${age}.log`)
  }
}

const LOST = 'Lines were lost: the log could not be written.'

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err
  }
}
