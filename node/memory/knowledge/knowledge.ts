/** Adds files to spaces: what a file is said to be is checked here, what it is made of is read in a process of its own. */

import type { Clock } from '../../../interface/clock.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import { type AddedFile, type MemoryFile, MemoryKey } from '../../../interface/memory.ts'
import { FILE_BYTES_MAX } from '../../../interface/memory-files.ts'
import { bytesCid } from '../../../storage/weights/bytes-cid.ts'
import type { MemoryEngine } from '../worker/engine.ts'
import { partsOfKey } from './file-fact.ts'
import { FileReader } from './file-reader.ts'
import { NAME_CHARS_MAX } from './limits.ts'

export class Knowledge {
  readonly #reader: FileReader

  constructor(clock: Clock) {
    this.#reader = new FileReader({ clock })
  }

  async add(
    engine: MemoryEngine,
    space: string,
    doc: string,
    { name, bytes, modified, root }: MemoryFile,
    { signal }: AbortOptions
  ): Promise<AddedFile> {
    checkName(name)
    if (bytes.byteLength > FILE_BYTES_MAX)
      throw new LumosError(
        'INPUT_TOO_LARGE',
        `It has ${bytes.byteLength} bytes; a file has ${FILE_BYTES_MAX} at most.`
      )
    const cid = await bytesCid(bytes)
    const known = await engine.wholeFile(space, doc, name, { signal })
    const isKnown = known?.cid === cid && (root === undefined || known.root === root)
    if (isKnown) return { name, cid, status: 'unchanged', pieces: known.pieces.length, written: 0 }
    const { content, type, by, title } = await this.#reader.read(name, bytes, { signal })
    const about = { cid, type, by, title, root: root ?? null, bytes: bytes.byteLength }
    const file = { ...about, name, modified: modified === undefined ? null : Math.round(modified), content }
    const { pieces, written, isNew } = await engine.putFile(space, doc, file, { signal })
    return { name, cid, status: isNew ? 'added' : 'updated', pieces, written }
  }

  close(): void {
    this.#reader.close()
  }
}

/** @throws {InvalidInputError} */
function checkName(name: string): void {
  if (name.length > NAME_CHARS_MAX || !MemoryKey.safeParse(name).success || !name.isWellFormed())
    throw new InvalidInputError(`The name of a file has 1 to ${NAME_CHARS_MAX} characters.`)
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name) || partsOfKey(name) !== undefined)
    throw new InvalidInputError(
      'The name of a file has no control characters, and does not end like a piece of a file.'
    )
}
