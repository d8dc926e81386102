/**
 * Unpacks the archive of a package (tar, gzip). Its hash was compared before; what it may do is bounded all the same: plain
 * files in its own folder, so many and so large.
 */

import { createReadStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'

/** A package of code has a few thousand files. */
const FILES_MAX = 20_000
/** Headers, and room to the next block, of each file. */
const OVERHEAD_BYTES = 4096
/** An extended header holds a path. */
const EXTENDED_BYTES_MAX = 64 * 1024
const BLOCK_BYTES = 512
const PATH_CHARS_MAX = 1024
/** Every user may read and enter: an engine may run as another user than its node. */
const FILE_MODE = 0o644
const EXECUTABLE_MODE = 0o755
const FOLDER_MODE = 0o755

interface Entry {
  readonly type: string
  readonly path: string
  readonly bytes: number
  readonly executable: boolean
}

/**
 * Every path of an archive begins with one folder, which is left out.
 *
 * @param bytesMax of all files together.
 * @throws {LumosError} `ENGINE_FAILED` for an archive that is more than that, or other than that.
 */
export async function unpack(
  archive: string,
  into: string,
  { bytesMax, signal }: AbortOptions & { readonly bytesMax: number }
): Promise<void> {
  const parts = async (source: AsyncIterable<Buffer>): Promise<void> => {
    const reader = new Reader(source, bytesMax + FILES_MAX * OVERHEAD_BYTES)
    let left = bytesMax
    let files = 0
    for (let entry = await nextEntry(reader); entry !== undefined; entry = await nextEntry(reader)) {
      if (entry.type !== '0') {
        await reader.skip(entry.bytes)
        continue
      }
      left -= entry.bytes
      if (left < 0 || ++files > FILES_MAX)
        throw refused(`holds more than ${bytesMax} bytes, or more than ${FILES_MAX} files`)
      await writeFile(join(into, ...safeNames(entry.path)), entry, reader)
    }
  }
  try {
    await pipeline(createReadStream(archive), createGunzip(), parts, { signal })
  } catch (err) {
    signal?.throwIfAborted()
    throw err instanceof LumosError || !isDamage(err) ? err : refused('is damaged')
  }
}

const isDamage = (err: unknown): boolean => /^Z_|^ERR_/.test((err as NodeJS.ErrnoException).code ?? '')

/** The names of a path below the first. */
function safeNames(path: string): string[] {
  const names = path.split('/').filter(name => name !== '' && name !== '.')
  // A drive, a stream of a file and a separator of Windows are none of a package's business.
  if (path.startsWith('/') || names.includes('..') || names.length < 2 || /[\\:\0]/.test(path))
    throw refused('names a file outside its folder')
  return names.slice(1)
}

async function writeFile(path: string, { bytes, executable }: Entry, reader: Reader): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
  // Two entries of one name: the second would replace what was looked at.
  await using file = await open(path, 'wx', executable ? EXECUTABLE_MODE : FILE_MODE)
  for await (const part of reader.parts(bytes)) await file.write(part)
}

/** The next entry, with the path that an extended header gives it; undefined after the last. */
async function nextEntry(reader: Reader): Promise<Entry | undefined> {
  let path: string | undefined
  for (;;) {
    const header = await reader.block()
    if (header === undefined || header.every(byte => byte === 0)) return undefined
    const entry = entryOf(header)
    if (entry.type !== 'x') return path === undefined ? entry : { ...entry, path }
    if (entry.bytes > EXTENDED_BYTES_MAX) throw refused('has an extended header that is too long')
    const chunks = await Array.fromAsync(reader.parts(entry.bytes))
    path = /(?:^|\n)\d+ path=([^\n]*)\n/.exec(Buffer.concat(chunks).toString())?.[1] ?? path
  }
}

function entryOf(header: Buffer): Entry {
  const text = (from: number, to: number): string =>
    header.toString('utf8', from, to).replace(/\0[\s\S]*$/, '')
  const octal = (from: number, to: number): number => Number.parseInt(text(from, to).trim() || '0', 8)
  const bytes = octal(124, 136)
  const prefix = text(345, 500)
  const name = text(0, 100)
  const path = prefix === '' ? name : `${prefix}/${name}`
  if (!Number.isSafeInteger(bytes) || bytes < 0 || path.length > PATH_CHARS_MAX) throw refused('is damaged')
  const type = text(156, 157) || '0'
  // A link could lead a later file out of the folder. `g` holds what the packer said of itself.
  if (!'05xg'.includes(type)) throw refused('holds something that is neither a file nor a folder')
  return { type, path, bytes, executable: (octal(100, 108) & 0o111) !== 0 }
}

/** Takes a stream apart in blocks. */
class Reader {
  readonly #source: AsyncIterator<Buffer>
  #left: number
  #held: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Buffer>, bytesMax: number) {
    this.#source = source[Symbol.asyncIterator]()
    this.#left = bytesMax
  }

  /** Undefined at the end. */
  async block(): Promise<Buffer | undefined> {
    while (this.#held.length < BLOCK_BYTES) if (!(await this.#more())) return undefined
    const block = this.#held.subarray(0, BLOCK_BYTES)
    this.#held = this.#held.subarray(BLOCK_BYTES)
    return block
  }

  /** So many bytes; what fills their last block is skipped. */
  async *parts(bytes: number): AsyncGenerator<Buffer> {
    yield* this.#exactly(bytes)
    const filling = -bytes & (BLOCK_BYTES - 1)
    for await (const _ of this.#exactly(filling));
  }

  async skip(bytes: number): Promise<void> {
    for await (const _ of this.parts(bytes));
  }

  async *#exactly(bytes: number): AsyncGenerator<Buffer> {
    let left = bytes
    while (left > 0) {
      if (this.#held.length === 0 && !(await this.#more())) throw refused('is cut')
      const part = this.#held.subarray(0, left)
      this.#held = this.#held.subarray(part.length)
      left -= part.length
      yield part
    }
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next()
    if (done) return false
    this.#left -= value.length
    // A small archive may unpack to any size.
    if (this.#left < 0) throw refused('unpacks to more than its list says')
    this.#held = this.#held.length === 0 ? value : Buffer.concat([this.#held, value])
    return true
  }
}

const refused = (what: string): LumosError => new LumosError('ENGINE_FAILED', `The archive ${what}.`)
