/** An answer for people, or what its task shows of it: its words, a table of its records, or else its JSON. */

import { isRecord } from '../../../interface/record.ts'
import { type Output, printable } from '../../output.ts'

export function answerText(answer: unknown, output: Pick<Output, 'table'>): string {
  const text = onlyText(answer)
  if (text !== undefined) return printable(text)
  const rows = onlyList(answer)
  if (rows === undefined) return JSON.stringify(answer)
  const columns = Object.keys(rows[0]!)
  return output.table(
    columns.map(name => printable(name).toUpperCase()),
    rows.map(row => columns.map(name => cellOf(row[name])))
  )
}

/** The words of an answer that is nothing else, such as those about a picture. */
function onlyText(answer: unknown): string | undefined {
  if (typeof answer === 'string') return answer
  const [text, ...more] = Object.values(answer ?? {})
  return typeof text === 'string' && more.length === 0 ? text : undefined
}

/** The records of an answer that is one list of records, such as labels with their scores. */
function onlyList(answer: unknown): Record<string, unknown>[] | undefined {
  const members = Array.isArray(answer) ? [answer] : Object.values(answer ?? {})
  const rows: unknown = members[0]
  if (members.length !== 1 || !Array.isArray(rows) || rows.length === 0 || !rows.every(isRecord))
    return undefined
  const flat = rows.map(unfolded)
  return flat.every(row => Object.values(row).every(value => typeof value !== 'object')) ? flat : undefined
}

/** The members of a record within a row are columns of their own, such as the sides of a box. */
const unfolded = (row: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) =>
      isRecord(value) ? Object.entries(value) : [[name, value]]
    )
  )

const cellOf = (value: unknown): string =>
  typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(4) : String(value)
