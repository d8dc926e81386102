/**
 * From what a model says of each frame of a recording to words with their times (CTC): what is said again in the next frame
 * is one letter, and a blank lies between two. Pure.
 */

/** A stretch of a recording that is heard at once, and the part of it that counts, in samples. */
export interface Stretch {
  readonly from: number
  readonly to: number
  readonly keptFrom: number
  readonly keptTo: number
}

export interface Word {
  /** Its letters, as the model numbers them. */
  readonly ids: readonly number[]
  readonly startMs: number
  readonly endMs: number
}

/** A pause of this length ends a segment. */
const PAUSE_MS = 600

/** All of a recording, in stretches that overlap, because at the end of one a word may be cut. */
export function stretchesOf(length: number, size: number, overlap: number): Stretch[] {
  const stretches: Stretch[] = []
  for (let from = 0; ; from += size - 2 * overlap) {
    const to = Math.min(length, from + size)
    const isLast = to === length
    const keptFrom = from === 0 ? 0 : from + overlap
    stretches.push({ from, to, keptFrom, keptTo: isLast ? to : to - overlap })
    if (isLast) return stretches
  }
}

/** Which frames of a stretch count. */
export function keptFrames({ from, to, keptFrom, keptTo }: Stretch, frames: number): [number, number] {
  const frameAt = (sample: number) => Math.round(((sample - from) / (to - from)) * frames)
  return [frameAt(keptFrom), frameAt(keptTo)]
}

/** The likeliest of each row. */
export function likeliest(rows: Float32Array, width: number): number[] {
  return Array.from({ length: rows.length / width }, (_, row) => {
    let best = 0
    for (let at = 1; at < width; at++) if (rows[row * width + at]! > rows[row * width + best]!) best = at
    return best
  })
}

/**
 * @param frames the likeliest letter of each.
 * @param silent letters that are none: the blank, and what begins, ends and pads.
 * @param between the letter between words; absent: all is one word.
 */
export function wordsOf(
  frames: readonly number[],
  frameMs: number,
  { silent, between }: { readonly silent: ReadonlySet<number>; readonly between?: number | undefined }
): Word[] {
  const words: Word[] = []
  let word: { ids: number[]; startMs: number; endMs: number } | undefined
  let before: number | undefined
  for (const [frame, id] of frames.entries()) {
    if (id === between) word = undefined
    else if (!silent.has(id)) {
      if (word === undefined) {
        word = { ids: [], startMs: Math.round(frame * frameMs), endMs: 0 }
        words.push(word)
        before = undefined
      }
      if (id !== before) word.ids.push(id)
      word.endMs = Math.round((frame + 1) * frameMs)
    }
    before = id
  }
  return words
}

interface Said {
  readonly startMs: number
  readonly endMs: number
  readonly text: string
}

/** Words between pauses, as one. */
export function phrasesOf(words: readonly Said[]): Said[] {
  const phrases: Said[] = []
  for (const word of words) {
    const last = phrases.at(-1)
    if (last === undefined || word.startMs - last.endMs >= PAUSE_MS) phrases.push(word)
    else phrases[phrases.length - 1] = { ...last, endMs: word.endMs, text: `${last.text} ${word.text}` }
  }
  return phrases
}
