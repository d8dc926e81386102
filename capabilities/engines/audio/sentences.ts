/** A text in parts that are spoken one by one: whole sentences, and of a long one as much as a model takes at once. */

const PART_CHARS_MAX = 300

/** None is empty; together they hold all words, in their order. */
export function sentencesOf(text: string): string[] {
  const sentences = new Intl.Segmenter(undefined, { granularity: 'sentence' }).segment(text)
  return Array.from(sentences, ({ segment }) => segment.trim()).flatMap(shortened)
}

function shortened(sentence: string): string[] {
  const parts: string[] = []
  let rest = sentence
  while (rest.length > PART_CHARS_MAX) {
    const space = rest.lastIndexOf(' ', PART_CHARS_MAX)
    // A word without end is cut, and no character in two.
    const isHalf = (rest.codePointAt(PART_CHARS_MAX - 1) ?? 0) > 0xffff
    const end = space > 0 ? space : PART_CHARS_MAX - (isHalf ? 1 : 0)
    parts.push(rest.slice(0, end).trim())
    rest = rest.slice(end).trim()
  }
  return [...parts, rest].filter(part => part !== '')
}
