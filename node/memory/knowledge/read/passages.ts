/** Passages of plain text and Markdown: paragraphs, with their lines and, in Markdown, the headings that they stand under. */

/** What is not torn where it fits a piece. */
export interface Passage {
  readonly text: string
  readonly heading?: string | undefined
  /** First and last line, or twice the page; from 1. */
  readonly from: number
  readonly to: number
}

/** A path of headings is for people: a heading may be as long as a book. */
const HEADING_CHARS_MAX = 120
const ATX = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/
const SETEXT = /^ {0,3}(?:(=+)|-{2,})[ \t]*$/
const FENCE = /^ {0,3}(`{3,}|~{3,})/

/** Headings from the outermost to the one in force. */
export class HeadingPath {
  readonly #open: { readonly level: number; readonly title: string }[] = []

  enter(level: number, title: string): void {
    while (this.#open.length > 0 && this.#open.at(-1)!.level >= level) this.#open.pop()
    const short = [
      ...title
        .replace(/\s+/g, ' ')
        .trim()
        .slice(0, 2 * HEADING_CHARS_MAX)
    ]
    this.#open.push({ level, title: short.slice(0, HEADING_CHARS_MAX).join('').toWellFormed() })
  }

  get text(): string | undefined {
    const titles = this.#open.map(({ title }) => title).filter(title => title !== '')
    return titles.length > 0 ? titles.join(' > ') : undefined
  }
}

export function textPassages(text: string): Passage[] {
  const made: Passage[] = []
  const lines = text.split('\n')
  let from = 0
  lines.forEach((line, n) => {
    if (line.trim() !== '') return
    add(made, lines, from, n)
    from = n + 1
  })
  add(made, lines, from, lines.length)
  return made
}

export function markdownPassages(text: string): Passage[] {
  const made: Passage[] = []
  const lines = text.split('\n')
  const path = new HeadingPath()
  let from = 0
  let fence: string | undefined
  /** The paragraph before line `n` is over. */
  const end = (n: number, next: number): void => {
    add(made, lines, from, n, path.text)
    from = next
  }
  lines.forEach((line, n) => {
    const mark = FENCE.exec(line)?.[1]
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined
      return
    }
    if (mark !== undefined) fence = mark
    const atx = ATX.exec(line)
    if (atx !== null) {
      end(n, n)
      path.enter(atx[1]!.length, atx[2] ?? '')
      end(n + 1, n + 1)
    } else if (n === from + 1 && SETEXT.test(line) && !ATX.test(lines[from]!)) {
      path.enter(SETEXT.exec(line)![1] === undefined ? 2 : 1, lines[from]!)
      end(n + 1, n + 1)
    } else if (line.trim() === '') end(n, n + 1)
  })
  end(lines.length, lines.length)
  return made
}

function add(made: Passage[], lines: readonly string[], from: number, to: number, heading?: string): void {
  const text = lines.slice(from, to).join('\n').trimEnd()
  if (text.trim() !== '') made.push({ text, heading, from: from + 1, to })
}
