/**
 * The results of a batch: a file with a line of JSON for each item, in order. The file alone says how far the batch is, so
 * a batch goes on after a crash, on another start of the node and by the same command.
 */

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { InvalidInputError } from '../../interface/errors.ts'
import { isRecord } from '../../interface/record.ts'
import { snakeCase } from '../../interface/snake-case.ts'
import { PRIVATE_FILE_MODE } from '../../storage/database/durable-file.ts'
import { storeFailure } from '../../storage/database/failure.ts'
import type { Result } from './batch-state.ts'
import type { BatchItem } from './inputs.ts'
import { linesOf } from './lines.ts'

/** An answer may hold 64 MiB of tensors, in base64. */
const LINE_BYTES_MAX = 128 * 1024 * 1024
/** What each file of results begins with. */
const BEGINNING = '{"index":0,"input":'

export class ResultFile {
  readonly #file: FileHandle
  readonly #path: string
  #end: number
  /** Items that it holds, and how many of them have an error. */
  readonly before: number
  readonly failedBefore: number

  private constructor(file: FileHandle, path: string, held: Held) {
    this.#file = file
    this.#path = path
    this.#end = held.end
    this.before = held.count
    this.failedBefore = held.failed
  }

  /**
   * Opens it, and moves `items` on to the first that it does not hold.
   *
   * @throws {InvalidInputError} where it holds anything but results of these items; then it stays as it is.
   */
  static async open(
    path: string,
    items: AsyncIterator<BatchItem>,
    lineBytesMax = LINE_BYTES_MAX
  ): Promise<ResultFile> {
    const flags = constants.O_RDWR | constants.O_CREAT
    const file = await open(path, flags, PRIVATE_FILE_MODE).catch((cause: Error) => {
      throw new InvalidInputError(`${path} cannot be written: ${cause.message}.`, { cause })
    })
    try {
      if (!(await file.stat()).isFile()) throw new InvalidInputError(`${path} is no file.`)
      const held = await heldBy(file, path, items, lineBytesMax)
      // The line that was being written when the node ended.
      await file.truncate(held.end)
      return new ResultFile(file, path, held)
    } catch (thrown) {
      await file.close()
      throw thrown
    }
  }

  /** @throws {LumosError} `STORE_…` */
  async append(lines: string): Promise<void> {
    try {
      const bytes = Buffer.from(lines)
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.#end)
        at += bytesWritten
        this.#end += bytesWritten
      }
    } catch (err) {
      throw storeFailure(err, this.#path)
    }
  }

  /** What was appended is on disk. */
  async sync(): Promise<void> {
    try {
      await this.#file.sync()
    } catch (err) {
      throw storeFailure(err, this.#path)
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}

interface Held {
  readonly count: number
  readonly failed: number
  /** Of the last whole line. */
  readonly end: number
}

async function heldBy(
  file: FileHandle,
  path: string,
  items: AsyncIterator<BatchItem>,
  lineBytesMax: number
): Promise<Held> {
  let count = 0
  let failed = 0
  let end = 0
  for await (const { bytes, from, to, ends } of linesOf(file, lineBytesMax)) {
    if (!ends) {
      // A file without a line end is of another program, unless it begins as results do.
      const begun = bytes?.subarray(0, BEGINNING.length).toString()
      if (from === 0 && (begun === undefined || !isBeginning(begun))) throw notOurs(path, 1)
      break
    }
    const line = bytes === undefined ? undefined : parsed(bytes)
    const item = await items.next()
    if (item.done || line?.index !== count || line.mark !== item.value.mark) throw notOurs(path, count + 1)
    if (line.error !== undefined) failed++
    count++
    end = to
  }
  return { count, failed, end }
}

const isBeginning = (text: string): boolean => BEGINNING.startsWith(text)

function parsed(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

const notOurs = (path: string, line: number): InvalidInputError =>
  new InvalidInputError(`Line ${line} of ${path} is no result of this batch.`, {
    hint: 'Name another file, or remove this one. Results of other inputs, other parameters or another model are not continued.'
  })

/** @param nameOf what a device is called. */
export function lineOf(
  index: number,
  { name: input, mark }: BatchItem,
  result: Result,
  nameOf: (peer: string) => string
): string {
  const peer = result.peer === null ? null : nameOf(result.peer)
  const said = 'output' in result ? { output: topInJson(result.output) } : { error: result.failure }
  return `${JSON.stringify({ index, input, mark, peer, ...said }, bytesInBase64)}\n`
}

/** The fields of tasks' outputs are those of JSON; what is below them has names of its own. */
const topInJson = (output: unknown): unknown =>
  isRecord(output)
    ? Object.fromEntries(Object.entries(output).map(([key, value]) => [snakeCase(key), value]))
    : output

/** A `Buffer` is an object of its own making by the time it comes here, so it is asked for where it lies. */
function bytesInBase64(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const given = this[key]
  return given instanceof Uint8Array ? Buffer.from(given).toString('base64') : value
}
