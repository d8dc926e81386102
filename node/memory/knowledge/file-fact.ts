/**
 * How files are kept as facts. NAME holds what the file is and the list of its pieces, NAME#HASH holds one piece. The hash
 * is of the piece's content, so a piece that moves in its file is not written again, and one that another writer has
 * changed is noticed.
 */

import { createHash } from 'node:crypto'
import { isTime } from '../../../interface/iso-time.ts'
import type { MemorySource, MemoryValue } from '../../../interface/memory.ts'
import { isRecord } from '../../../interface/record.ts'
import { PIECES_MAX } from './limits.ts'

/** 128 bits of SHA-256: a second text of one hash cannot be found. */
const HASH_BYTES = 16
const PIECE_KEY = /^(.+)#([\w-]{22})$/s

export interface Piece {
  readonly text: string
  readonly heading?: string
}

/** Hash of a piece, and the page or the first and last line where it stands. */
export type Place = readonly [hash: string, from: number, to: number]

/** The value of the fact NAME. */
export interface FileFact {
  readonly cid: string
  readonly bytes: number
  readonly type: string
  /** What its places count. */
  readonly by: 'page' | 'line'
  readonly title: string | null
  /** Of the file when it was read, and when it was added; ms, as its writer states them. */
  readonly modified: number | null
  readonly added: number
  /** Hash of the folder that it was added with, on its writer's device. */
  readonly root: string | null
  readonly pieces: readonly Place[]
}

/** A file that was read, to be kept. */
export interface PutFile extends Omit<FileFact, 'pieces' | 'added'> {
  readonly name: string
  /** Pieces, as the process that read the file gives them. */
  readonly content: Uint8Array
}

export const hashOf = ({ text, heading = '' }: Piece): string =>
  createHash('sha256').update(`${heading}\0${text}`).digest().subarray(0, HASH_BYTES).toString('base64url')

export const pieceKey = (name: string, hash: string): string => `${name}#${hash}`

/** The name and the hash in the key of a piece. */
export function partsOfKey(key: string): { name: string; hash: string } | undefined {
  const [, name, hash] = PIECE_KEY.exec(key) ?? []
  return name === undefined ? undefined : { name, hash: hash! }
}

export function toPiece(value: MemoryValue | undefined): Piece | undefined {
  if (!isRecord(value) || typeof value.text !== 'string') return undefined
  const { text, heading } = value
  if (heading === undefined) return { text }
  return typeof heading === 'string' ? { text, heading } : undefined
}

/** Undefined for what is no file: each writer of a space may have written it. */
export function toFile(value: MemoryValue | undefined): FileFact | undefined {
  if (!isRecord(value)) return undefined
  const { cid, bytes, type, by, title, modified, added, root, pieces } = value
  const isFile =
    typeof cid === 'string' &&
    isCount(bytes) &&
    typeof type === 'string' &&
    (by === 'page' || by === 'line') &&
    (title === null || typeof title === 'string') &&
    (modified === null || isTime(modified)) &&
    isTime(added) &&
    (root === null || typeof root === 'string') &&
    Array.isArray(pieces) &&
    pieces.length <= PIECES_MAX &&
    pieces.every(isPlace)
  return isFile ? (value as unknown as FileFact) : undefined
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

const isPlace = (value: unknown): boolean =>
  Array.isArray(value) && value.length === 3 && typeof value[0] === 'string' && value.slice(1).every(isCount)

/** A fact that counts, and the PeerId of the device that has said it. */
export interface SaidFact {
  readonly value: MemoryValue | undefined
  readonly writer: string
}

/**
 * What a fact is quoted from, and which device says so: it may be another one than the piece's writer. Undefined: it is no piece of a file. Null: it is one, and its file does not have it, or
 * another writer has changed its text: it is not to be shown.
 */
export function sourceOf(
  key: string,
  value: MemoryValue | undefined,
  fact: (key: string) => SaidFact | undefined
): MemorySource | null | undefined {
  const parts = partsOfKey(key)
  const piece = toPiece(value)
  if (parts === undefined || piece === undefined) return undefined
  const said = fact(parts.name)
  const file = toFile(said?.value)
  const at = file?.pieces.findIndex(([hash]) => hash === parts.hash) ?? -1
  if (said === undefined || file === undefined || at === -1 || hashOf(piece) !== parts.hash) return null
  const [, from, to] = file.pieces[at]!
  return {
    ...{ writer: said.writer, added: file.added },
    ...{ cid: file.cid, name: parts.name, type: file.type, piece: at + 1, pieces: file.pieces.length },
    ...(piece.heading !== undefined && { heading: piece.heading }),
    ...(file.by === 'page' ? { page: from } : { lines: [from, to] as const })
  }
}
