/**
 * A line of the log as people read it: time, level, sentence, fields.
 *
 * Fields hold what peers sent. Their control characters would act on the
 * terminal, so none gets through.
 */

import { styleText } from 'node:util'

const COLOURS = { debug: 'gray', info: 'cyan', warn: 'yellow', error: 'red' } as const

interface Entry {
  readonly level: keyof typeof COLOURS
  readonly time: string
  readonly msg: string
  readonly err?: { readonly message?: string; readonly code?: string }
}

/** `json` is one entry of the log. Ends with a newline. */
export function humanLine(json: string, colour: boolean): string {
  const { level, time, msg, err, ...fields } = JSON.parse(json) as Entry
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(style, text, { validateStream: false }) : text

  const parts = [
    paint('dim', new Date(time).toTimeString().slice(0, 8)),
    paint(COLOURS[level], level.padEnd(5)),
    printable(msg),
    ...Object.entries(fields).map(([name, value]) => paint('dim', printable(`${name}=${textOf(value)}`)))
  ]
  if (err !== undefined) parts.push(printable(`(${[err.message, err.code].filter(Boolean).join('; ')})`))
  return `${parts.join(' ')}\n`
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** Control characters, and the invisible ones that reorder text, become a space. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
