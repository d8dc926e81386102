/** Knowledge: files whose text a space keeps in pieces, so that an answer can say where it has a sentence from. */

import type { AbortOptions } from './lifecycle.ts'

/** Of one file. In base64 it fits the longest body that the gateway takes, 40 MiB. */
export const FILE_BYTES_MAX = 24 * 1024 * 1024

/**
 * What a text of knowledge is quoted from. Files are kept in documents of facts: the fact NAME says what the file is and of
 * which pieces it consists, and the fact NAME#HASH holds a piece, `{ text, heading? }`. A piece that its file does not list
 * counts no longer: `sourceOf` of `node/memory/knowledge` tells.
 */
export interface MemorySource {
  /** PeerId of the device that added the file, and when by its clock, ms. All of this is what that device states. */
  readonly writer: string
  readonly added: number
  /**
   * Of the file's bytes, as UnixFS names them: a model that holds the same bytes has the same CID. No device that reads the
   * piece can check it: the bytes are not in the space.
   */
  readonly cid: string
  /** Its path as it was added, with `/`. */
  readonly name: string
  /** Media type. */
  readonly type: string
  /** Which piece, from 1, of how many. */
  readonly piece: number
  readonly pieces: number
  /** The headings that it stands under, outermost first, joined by ` > `. */
  readonly heading?: string
  /** Of a PDF, from 1. */
  readonly page?: number
  /** First and last line, from 1, of a file that has lines. */
  readonly lines?: readonly [first: number, last: number]
}

/** A file as it is added. */
export interface MemoryFile {
  /** What it is called in the space: a path, a URL. A file that is added under a name takes the place of the one before. */
  readonly name: string
  readonly bytes: Uint8Array
  /** When it was changed last, ms; for people. */
  readonly modified?: number | undefined
  /** Tells folders of this device apart, so that a file that is gone from one of them is known as one of its files. */
  readonly root?: string | undefined
}

export interface MemoryFileInfo {
  readonly name: string
  readonly cid: string
  readonly bytes: number
  readonly type: string
  readonly title: string | null
  readonly pieces: number
  readonly modified: number | null
  readonly root: string | null
  /** PeerId of the device that added it. */
  readonly writer: string
  /** By the clock of that device, ms. */
  readonly added: number
  /** False where a writer has removed pieces by hand: adding the file again writes them. */
  readonly whole: boolean
}

export interface AddedFile {
  readonly name: string
  readonly cid: string
  readonly status: 'added' | 'updated' | 'unchanged'
  readonly pieces: number
  /** Pieces that this device had not written yet. */
  readonly written: number
}

/** The part of `node.memory` that keeps files. */
export interface MemoryFiles {
  /**
   * Keeps the text of a file in pieces that can be quoted, in the document of facts `doc`, by default `knowledge`. The same
   * bytes again from one device write nothing; of others, the pieces that differ. A device that adds what another one has
   * added writes a version of its own.
   *
   * @throws {LumosError} also `MEDIA_TYPE_UNSUPPORTED` (no text), `INPUT_TOO_LARGE` (also: costs too much to read), `OVERLOADED`.
   */
  addFile(space: string, file: MemoryFile, options?: AbortOptions & { doc?: string }): Promise<AddedFile>
  files(space: string, options?: AbortOptions & { doc?: string }): Promise<MemoryFileInfo[]>
  /** @returns whether it was there. */
  removeFile(space: string, name: string, options?: AbortOptions & { doc?: string }): Promise<boolean>
}
