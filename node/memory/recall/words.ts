/**
 * What counts as a word, in texts and in questions alike. Scripts that are written without spaces are taken character by
 * character, so that any part of them is found; accents and vowel points do not count.
 */

/** Unicode is normalized in pieces of this length: a long run of combining marks takes the square of its length. */
const FOLDED_AT_ONCE = 2048
/** Each is a walk over all texts that have it. */
const WORDS_MAX = 16
/** Beginnings of words are indexed from this length on. */
const PREFIX_CHARS = 3

const PLAIN = /^[\t-~]*$/
const MARKED = /([\p{sc=Latin}\p{sc=Greek}\p{sc=Cyrillic}\p{sc=Arabic}\p{sc=Hebrew}])\p{Mn}+/gu
const UNSPACED =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}ー]\p{M}*/gu
const WORD = /[\p{L}\p{N}\p{M}\p{Co}]+/gu

/** As the index splits it into words. Case is the index's own matter. */
export const wordsOf = (text: string): string =>
  PLAIN.test(text) ? text : plain(text).replace(UNSPACED, ' $& ')

function plain(text: string): string {
  let out = ''
  for (let at = 0; at < text.length; at += FOLDED_AT_ONCE) {
    const part = text.slice(at, at + FOLDED_AT_ONCE)
    out += part.normalize('NFKD').replace(MARKED, '$1').normalize('NFC')
  }
  return out
}

/** A question in the language of FTS5: texts that have `all` of its words, and such as have `some`. */
export interface Match {
  readonly all: string
  readonly some: string
}

/** Undefined where it has no word. Nothing of it is an operator: each word is quoted, and has letters and digits only. */
export function matchOf(question: string): Match | undefined {
  const words = [...plain(question).matchAll(WORD)].slice(0, WORDS_MAX).flatMap(([word]) => runsOf(word))
  if (words.length === 0) return undefined
  const some = words.flatMap(run => (run.length > 2 ? run.slice(1).map((char, i) => [run[i]!, char]) : [run]))
  return {
    all: words.slice(0, WORDS_MAX).map(quoted).join(' AND '),
    some: some.slice(0, WORDS_MAX).map(quoted).join(' OR ')
  }
}

/** `iPhone手机` is the word `iPhone` and the two characters after it, which must follow each other. */
function runsOf(word: string): string[][] {
  const runs: string[][] = []
  let end = 0
  for (const { 0: char, index } of word.matchAll(UNSPACED)) {
    if (index > end || runs.length === 0) {
      if (index > end) runs.push([word.slice(end, index)])
      runs.push([])
    }
    runs.at(-1)!.push(char)
    end = index + char.length
  }
  if (end < word.length) runs.push([word.slice(end)])
  return runs
}

function quoted(run: readonly string[]): string {
  const [word] = run
  const isBeginning = run.length === 1 && word!.length >= PREFIX_CHARS && word!.search(UNSPACED) === -1
  return `"${run.join(' ')}"${isBeginning ? '*' : ''}`
}
