/** What a JSON text would take as values, told from its signs before it is parsed. */

/** Of all values: what stands between two of them, and what begins an object or a list. */
const VALUES = ',[{'
/** Of all but the items of a list: what begins an object, a list, or the value of a key. */
export const PARTS = ':[{'

const QUOTE = 34
const BACKSLASH = 92

/**
 * Whether `text` holds more values than `max`. The parser of V8 makes gigabytes of a hundred megabytes of `{},`, and ends
 * the whole process when it has no room for them.
 *
 * @param signs the three characters that count.
 */
export function holdsMore(text: string, max: number, signs = VALUES): boolean {
  const [first, second, third] = [signs.charCodeAt(0), signs.charCodeAt(1), signs.charCodeAt(2)]
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfString(text, at)
    else if ((code === first || code === second || code === third) && ++count > max) return true
  }
  return false
}

/** The place of the quote that closes the string which begins at `from`, or the end of a text that has none. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++
    if (escapes % 2 === 0) return at
  }
  return text.length
}
