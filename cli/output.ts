/** Data to stdout, words for people to stderr, each for eyes or for programs. */

import { styleText } from 'node:util'
import type { LumosError } from '../interface/errors.ts'
import { ascii, showsUtf8 } from './terminal.ts'

export interface OutputOptions {
  readonly json: boolean
  readonly stdout?: NodeJS.WriteStream
  readonly stderr?: NodeJS.WriteStream
  /** Default: what the environment says of the terminal. */
  readonly utf8?: boolean
}

export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green'

export class Output {
  readonly json: boolean
  readonly #stdout: NodeJS.WriteStream
  readonly #stderr: NodeJS.WriteStream
  /** Whether a terminal shows letters beyond ASCII. Files and programs get them in any case. */
  readonly utf8: boolean

  constructor({ json, stdout = process.stdout, stderr = process.stderr, utf8 = showsUtf8() }: OutputOptions) {
    this.json = json
    this.#stdout = stdout
    this.#stderr = stderr
    this.utf8 = utf8
  }

  /** One result: an object for programs, or what `words` makes of it. */
  data(value: unknown, words: () => string): void {
    this.line(this.json ? JSON.stringify(value) : words())
  }

  line(text: string): void {
    this.#stdout.write(`${this.#shown(this.#stdout, text)}\n`)
  }

  /** As it is, but to a terminal. Resolves when more may be written, so that a slow reader slows the answer. */
  async raw(text: string): Promise<void> {
    await this.#written(this.#stdout.isTTY ? this.#shown(this.#stdout, printable(text)) : text)
  }

  /** To a file or a program; a terminal is given none. Resolves as {@link raw} does. */
  bytes(bytes: Uint8Array): Promise<void> {
    return this.#written(bytes)
  }

  get isTerminal(): boolean {
    return this.#stdout.isTTY
  }

  async #written(content: string | Uint8Array): Promise<void> {
    if (this.#stdout.write(content)) return
    await new Promise(resolve => this.#stdout.once('drain', resolve))
  }

  /** One line that the next one replaces, for a person who waits; an empty one takes it away. */
  progress(text: string): void {
    if (this.json || !this.#stderr.isTTY) return
    const shown = this.#shown(this.#stderr, printable(text))
    this.#stderr.write(`\r\u001b[K${cutTo(shown, this.#stderr.columns)}`)
  }

  note(text: string): void {
    this.#stderr.write(`${this.#shown(this.#stderr, text)}\n`)
  }

  /** Files and programs get each letter; a terminal gets none of others that acts on it, also where a caller does not look. */
  #shown(stream: NodeJS.WriteStream, text: string): string {
    if (!stream.isTTY) return text
    const harmless = text.replace(ACTING, sign =>
      sign.endsWith('m') ? sign : this.json ? spelled(sign) : ' '
    )
    return this.utf8 ? harmless : ascii(harmless)
  }

  /** Rows for the person at the terminal, which go to no file with the data. */
  picture(rows: string): void {
    this.#stderr.write(`${rows}\n`)
  }

  /** Whether so much is seen at once. */
  hasRoom(rows: number, columns: number): boolean {
    return rows <= (this.#stderr.rows ?? 0) && columns <= (this.#stderr.columns ?? 0)
  }

  error(error: LumosError): void {
    const { code, message, hint } = error
    if (this.json) {
      this.note(JSON.stringify({ error: { code, message, hint: hint ?? null } }))
      return
    }
    const words = [message, hint].filter(Boolean).map(text => printable(text!))
    this.note(`${words.join(' ')} ${styleText('dim', `(E_${code})`, { stream: this.#stderr })}`)
  }

  /** Colour where the terminal shows it: honours NO_COLOR, FORCE_COLOR, TERM and CI, as Node does. */
  paint(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#stdout })
  }

  /** Columns under their headings; the last one is as wide as it needs to be. */
  table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
    const cells = rows.map(row => row.map(cell => printable(cell).replace(/\s/g, ' ')))
    const widths = headings.map((heading, i) =>
      Math.max(...[heading, ...cells.map(row => row[i]!)].map(widthOf))
    )
    const lineOf = (row: readonly string[]) =>
      row
        .map((cell, i) => cell + ' '.repeat(widths[i]! - widthOf(cell)))
        .join('  ')
        .trimEnd()
    return [this.paint('bold', lineOf(headings)), ...cells.map(lineOf)].join('\n')
  }
}

/**
 * What would act on a terminal. What acts on nothing but the letters beside it is none of it: signs of Arabic and others
 * that are seen, the joiners of Persian, Hindi and pictures, places to break a word, and the tags of a flag, such as that
 * of Wales.
 */
const FLAG_TAG = String.raw`(?<=\u{1f3f4}[\u{e0061}-\u{e007a}]{0,6})[\u{e0061}-\u{e007a}\u{e007f}]`
const ACTS = String.raw`(?!\n|\t|\u00ad|\u200c|\u200d|${FLAG_TAG})(?:[\p{Cc}\p{Zl}\p{Zp}]|(?=\p{Default_Ignorable_Code_Point})\p{Cf})`
/** Besides, colours, which this program writes itself. */
const ACTING = new RegExp(String.raw`\u001b\[[\d;]*m|${ACTS}`, 'gu')
const ACTING_OF_OTHERS = new RegExp(ACTS, 'gu')

/** As JSON spells it. */
const spelled = (sign: string): string =>
  sign
    .split('')
    .map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')

/** Names, errors and answers come from peers: what would act on the terminal becomes a space. */
export const printable = (text: string): string => text.replace(ACTING_OF_OTHERS, ' ')

/** Scripts and pictures that take two columns; `\ufe0f` makes a picture of a sign. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]|\ufe0f/u
/** Letters and marks of one column each. */
const HALFWIDTH = /^[\uff61-\uffdc]/
const UNSEEN = /^[\p{M}\p{Default_Ignorable_Code_Point}]*$/u

/** Columns that a text takes in a terminal. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let columns = 0
  // A terminal draws as one what belongs together: a letter with its marks, a picture with its joiners.
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)) {
    if (UNSEEN.test(segment)) continue
    if (HALFWIDTH.test(segment)) columns += segment.length
    else columns += WIDE.test(segment) ? 2 : 1
  }
  return columns
}

/** The beginning of a text that fits into so many columns: a longer line would go on in the next one, and stay there. */
function cutTo(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let cut = ''
  let width = 0
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(text)) {
    width += widthOf(segment)
    if (width > columns) break
    cut += segment
  }
  return cut
}
