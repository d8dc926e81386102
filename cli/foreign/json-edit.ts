/** A value set in JSON with comments, which leaves every other character as it is. */

import { InvalidInputError } from '../../interface/errors.ts'
import { type JsonNode, type JsonObject, parseJsonc } from './jsonc.ts'

const DEFAULT_INDENT = '  '

/**
 * The text with `value` at `path`. Objects on the way are made where they are missing.
 *
 * @throws {InvalidInputError} where the text is not JSON, or something other than an object is on the way.
 */
export function withJson(text: string | undefined, path: readonly string[], value: unknown): string {
  if (text === undefined || text.trim() === '') return `${JSON.stringify(nested(path, value), null, 2)}\n`
  const layout = layoutOf(text)
  let at: JsonNode = parseJsonc(text)
  for (const [depth, key] of path.entries()) {
    if (at.kind !== 'object') {
      const name = path.slice(0, depth).join('.') || 'the text'
      throw new InvalidInputError(`${name} is not an object: nothing was changed.`)
    }
    // Of two members with one name, readers take the last.
    const member = at.members.findLast(({ key: name }) => name === key)
    if (member === undefined) {
      return inserted(text, at, key, nested(path.slice(depth + 1), value), { ...layout, depth: depth + 1 })
    }
    at = member.value
  }
  if (JSON.stringify(at.value) === JSON.stringify(value)) return text
  return text.slice(0, at.start) + shown(value, { ...layout, depth: path.length }) + text.slice(at.end)
}

interface Layout {
  readonly unit: string
  readonly newline: string
}

interface Place extends Layout {
  readonly depth: number
}

const layoutOf = (text: string): Layout => ({
  unit: /^[ \t]+(?=["\w])/m.exec(text)?.[0] ?? DEFAULT_INDENT,
  newline: text.includes('\r\n') ? '\r\n' : '\n'
})

const nested = (path: readonly string[], value: unknown): unknown =>
  path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)

const shown = (value: unknown, { unit, newline, depth }: Place): string =>
  JSON.stringify(value, null, unit).replace(/\n/g, newline + unit.repeat(depth))

/** The member as the last one of the object, after the comments that stand there. */
function inserted(
  text: string,
  { members, end, lastEnd }: JsonObject,
  key: string,
  value: unknown,
  place: Place
) {
  const { unit, newline, depth } = place
  const brace = end - 1
  const last = members.at(-1)
  const line = `${newline}${unit.repeat(depth)}${JSON.stringify(key)}: ${shown(value, place)}`
  const rest = text.slice(lastEnd, brace)
  const closing = rest.includes('\n') ? rest : newline + unit.repeat(depth - 1)
  if (last === undefined) return text.slice(0, lastEnd) + line + closing + text.slice(brace)
  const comma = last.hasComma ? '' : ','
  return (
    text.slice(0, last.value.end) +
    comma +
    text.slice(last.value.end, lastEnd) +
    line +
    closing +
    text.slice(brace)
  )
}
