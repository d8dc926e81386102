/**
 * Pieces of a file of about 1,000 characters, cut where passages or sentences end. Where a piece ends depends on what stands
 * there and not on what stands before it: after an insertion at the front the pieces soon are as they were. Pieces do not
 * overlap: a sentence is quoted from one place, and what changed is written once.
 */

import { LumosError } from '../../../../interface/errors.ts'
import { PIECES_MAX } from '../limits.ts'
import type { Passage } from './passages.ts'

/** Text, headings or null, and the first and the last line or page. */
export type ReadPiece = readonly [text: string, heading: string | null, from: number, to: number]

/** A piece is cut nowhere before, so that it says enough to be found, */
const PIECE_CHARS_MIN = 600
/** and anywhere after: embedders read 512 tokens or so. */
const PIECE_CHARS_MAX = 1400
/** Of text without an end of a sentence. */
const UNIT_CHARS_MAX = 400
/** Longer passages are taken apart. */
const WHOLE_CHARS_MAX = 800
/** One of so many passages, or sentences, begins a piece by its own content. */
const PASSAGES_A_PIECE = 2
const SENTENCES_A_PIECE = 12
/** Characters that say whether a piece begins there. */
const MARK_CHARS = 64
/** Letters with more marks than these are no letters of any script. */
const CLUSTER_CHARS_MAX = 16
const LETTERS = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

interface Unit extends Passage {
  /** Begins its passage. */
  readonly isFirst: boolean
}

/** @throws {LumosError} `INPUT_TOO_LARGE` */
export function piecesOf(passages: Iterable<Passage>, by: 'page' | 'line'): ReadPiece[] {
  const made: ReadPiece[] = []
  let open: Unit[] = []
  let chars = 0
  const end = (): void => {
    const text = open.map((unit, n) => (unit.isFirst && n > 0 ? `\n\n${unit.text}` : unit.text)).join('')
    const [first, last] = [open[0], open.at(-1)]
    if (first !== undefined && text.trim() !== '')
      made.push([text.trimEnd(), first.heading ?? null, first.from, last!.to])
    if (made.length > PIECES_MAX)
      throw new LumosError(
        'INPUT_TOO_LARGE',
        `Its text has more than ${PIECES_MAX} pieces, about three million characters: split the file.`
      )
    open = []
    chars = 0
  }
  const isElsewhere = (first: Passage, next: Passage): boolean =>
    first.heading !== next.heading || (by === 'page' && first.from !== next.from)
  for (const passage of passages) {
    for (const unit of unitsOf(passage)) {
      const isFull = chars + unit.text.length > PIECE_CHARS_MAX
      if (chars > 0 && (isFull || isElsewhere(open[0]!, unit) || (chars >= PIECE_CHARS_MIN && begins(unit))))
        end()
      open.push(unit)
      chars += unit.text.length
    }
  }
  end()
  return made
}

function begins({ text, isFirst }: Unit): boolean {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length && i < MARK_CHARS; i++)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0
  // The low bits of this hash are weak.
  return (hash >>> 8) % (isFirst ? PASSAGES_A_PIECE : SENTENCES_A_PIECE) === 0
}

function* unitsOf(passage: Passage): Generator<Unit> {
  const { text, from } = passage
  if (text.length <= WHOLE_CHARS_MAX) return yield { ...passage, isFirst: true }
  const isPage = passage.from === passage.to
  let line = from
  for (let at = 0; at < text.length; ) {
    const end = unitEnd(text, at)
    const part = text.slice(at, end)
    const last = isPage ? line : line + count(part.trimEnd())
    yield { text: part, heading: passage.heading, from: line, to: last, isFirst: at === 0 }
    if (!isPage) line += count(part)
    at = end
  }
}

function count(text: string): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines++
  return lines
}

/** Behind the line, the sentence, the word, or the letter: the first of these that is near enough. */
function unitEnd(text: string, start: number): number {
  const limit = Math.min(text.length, start + UNIT_CHARS_MAX)
  for (let i = start; i < limit; i++) {
    const char = text[i]!
    if (char === '\n') return afterSpace(text, i + 1, limit)
    if ('。！？'.includes(char)) return afterSpace(text, i + 1, limit)
    if ('.!?'.includes(char) && isSpace(text[i + 1])) return afterSpace(text, i + 1, limit)
  }
  if (limit === text.length) return limit
  const space = text.lastIndexOf(' ', limit - 1)
  return space > start ? space + 1 : letterEnd(text, start, limit)
}

const isSpace = (char: string | undefined): boolean => char !== undefined && /\s/.test(char)

function afterSpace(text: string, from: number, limit: number): number {
  let end = from
  while (end < limit && isSpace(text[end])) end++
  return end
}

/** Marks stay with their letter, and halves of a letter together. */
function letterEnd(text: string, start: number, limit: number): number {
  const near = text.slice(start, limit + CLUSTER_CHARS_MAX)
  const { index } = LETTERS.segment(near).containing(limit - start)!
  if (index > 0) return start + index
  return isHigh(text[limit - 1]!) ? limit - 1 : limit
}

const isHigh = (char: string): boolean => char >= '\ud800' && char <= '\udbff'
