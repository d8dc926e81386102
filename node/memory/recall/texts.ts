/** What of an item of a document is indexed, and what of a file a piece is quoted from. */

import type { DocKind, MemorySource, MemoryValue } from '../../../interface/memory.ts'
import { hashOf, partsOfKey, sourceOf, toFile, toPiece } from '../knowledge/file-fact.ts'
import type { DocItem } from '../types.ts'

/** What a model of vectors reads of a text, about. */
const PIECE_CHARS = 2000
/** A cut is put at a space where there is one so near. */
const CUT_CHARS = 200

export interface Piece {
  /** Empty: it is found by nothing. */
  readonly text: string
  /** Of a file and of its pieces: the value but its text, JSON. */
  readonly about: string | null
}

/** Text of a value: itself, or its fields, one a line. */
function textOf(value: MemoryValue): string {
  if (typeof value === 'string') return value
  if (value === null || typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return value.map(textOf).join('\n')
  return Object.entries(value)
    .map(([key, field]) => `${key}: ${textOf(field)}`)
    .join('\n')
}

/** One by one: of notes there may be a great many. */
export function* piecesOf(kind: DocKind, key: string, { value }: DocItem): Generator<Piece> {
  const ofFile = kind === 'facts' ? knowledgeOf(key, value) : undefined
  if (ofFile !== undefined) return yield* ofFile
  const text = textOf(value)
  for (const part of kind === 'notes' ? paragraphsOf(text) : [text])
    for (const piece of cut(part)) yield { text: piece, about: null }
}

function* paragraphsOf(text: string): Generator<string> {
  let from = 0
  for (const { 0: between, index } of text.matchAll(/\n\s*\n/g)) {
    yield text.slice(from, index)
    from = index + between.length
  }
  yield text.slice(from)
}

/** A piece of a file stays whole: it is quoted. A file itself is found by its pieces, whose keys begin with its name. */
function knowledgeOf(key: string, value: MemoryValue): Piece[] | undefined {
  const parts = partsOfKey(key)
  const piece = parts && toPiece(value)
  if (piece !== undefined) {
    const { text, ...about } = piece
    return hashOf(piece) === parts!.hash ? [{ text, about: JSON.stringify(about) }] : []
  }
  return toFile(value) && [{ text: '', about: JSON.stringify(value) }]
}

/**
 * @param saidOf what is kept of another key of the document, and whose it is.
 * @returns undefined where it is a piece of no file any longer, and so is not to be shown; null where it is of no file.
 */
export function sourceOfPiece(
  { key, text, about }: { readonly key: string; readonly text: string; readonly about: string | null },
  saidOf: (key: string) => { readonly about: string | null; readonly writer: string } | undefined
): MemorySource | null | undefined {
  if (about === null || partsOfKey(key) === undefined) return null
  const value = { text, ...JSON.parse(about) } as MemoryValue
  const source = sourceOf(key, value, name => {
    const said = saidOf(name)
    return said && { value: parsed(said.about), writer: said.writer }
  })
  return source === null ? undefined : (source ?? null)
}

const parsed = (about: string | null): MemoryValue | undefined =>
  about === null ? undefined : (JSON.parse(about) as MemoryValue)

function* cut(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    const end = endOf(text, at)
    const part = text.slice(at, end).trim()
    if (part !== '') yield part
    at = end
  }
}

function endOf(text: string, at: number): number {
  const end = at + PIECE_CHARS
  if (end >= text.length) return text.length
  const space = text.lastIndexOf(' ', end)
  if (space > end - CUT_CHARS) return space
  // No character is cut in half.
  return text.codePointAt(end - 1)! > 0xffff ? end - 1 : end
}
