/** Pieces as the process gives them that has read a file. The file may have made it say anything. */

import { InvalidInputError } from '../../../interface/errors.ts'
import { PIECES_MAX } from './limits.ts'
import type { ReadPiece } from './read/pieces.ts'

/** Twice what a piece and a path of headings have. */
const TEXT_CHARS_MAX = 3000
const HEADING_CHARS_MAX = 2000

/** @throws {InvalidInputError} */
export function toReadPieces(content: Uint8Array): ReadPiece[] {
  const pieces: unknown = JSON.parse(Buffer.from(content).toString())
  if (Array.isArray(pieces) && pieces.length <= PIECES_MAX && pieces.every(isPiece)) return pieces
  throw new InvalidInputError('Its text cannot be read.')
}

function isPiece(value: unknown): value is ReadPiece {
  if (!Array.isArray(value) || value.length !== 4) return false
  const [text, heading, from, to] = value
  return (
    isText(text, TEXT_CHARS_MAX) &&
    (heading === null || isText(heading, HEADING_CHARS_MAX)) &&
    Number.isSafeInteger(from) &&
    Number.isSafeInteger(to) &&
    from > 0 &&
    to >= from
  )
}

const isText = (value: unknown, charsMax: number): boolean =>
  typeof value === 'string' && value.length > 0 && value.length <= charsMax && value.isWellFormed()
