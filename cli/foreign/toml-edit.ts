/** A table set in TOML, which leaves every other line as it is. */

import { InvalidInputError } from '../../interface/errors.ts'

type TomlValue = string | number | boolean | readonly string[]

/**
 * The text with the table `name`, such as `mcp_servers.lumos`, and these values in it. A table that is there is
 * replaced; tables below it stay.
 *
 * @throws {InvalidInputError} where the text says the same in a form that is not understood here.
 */
export function withToml(
  text: string | undefined,
  name: string,
  values: Readonly<Record<string, TomlValue>>
): string {
  const before = text ?? ''
  const newline = before.includes('\r\n') ? '\r\n' : '\n'
  const block = [`[${name}]`, ...Object.entries(values).map(([key, value]) => `${key} = ${shown(value)}`)]
  const lines = before === '' ? [] : before.split(/\r?\n/)
  const heads = headsOf(lines)
  const own = heads.filter(head => head.name === name)
  if (own.length > 1 || (own.length === 0 && saysOtherwise(lines, heads, name))) {
    throw new InvalidInputError(`${name} is there in another form: nothing was changed.`, {
      hint: `Write this by hand:\n${block.join('\n')}`
    })
  }
  if (own[0] === undefined) {
    const gap = before.trim() === '' ? '' : before.replace(/\s*$/, newline + newline)
    return `${gap}${block.join(newline)}${newline}`
  }
  const start = own[0].line
  let end = heads.find(({ line }) => line > start)?.line ?? lines.length
  // Comments and empty lines before the next table are the next table's.
  while (end > start + 1 && /^\s*(#.*)?$/.test(lines[end - 1]!)) end--
  return [...lines.slice(0, start), ...block, ...lines.slice(end)].join(newline)
}

const shown = (value: TomlValue): string =>
  Array.isArray(value) ? `[${value.map(item => JSON.stringify(item)).join(', ')}]` : JSON.stringify(value)

interface Head {
  readonly name: string
  readonly line: number
}

/** The lines that begin tables: none is inside a text of several lines. */
function headsOf(lines: readonly string[]): Head[] {
  const heads: Head[] = []
  let quotes: string | undefined
  for (const [line, text] of lines.entries()) {
    if (quotes === undefined) {
      if (/^\s*#/.test(text)) continue
      const name = /^\s*\[\[?\s*([^\]]+?)\s*\]/.exec(text)?.[1]
      if (name !== undefined) heads.push({ name: name.replace(/["'\s]/g, ''), line })
    }
    for (const [mark] of text.matchAll(/"""|'''/g)) {
      if (quotes === undefined) quotes = mark
      else if (quotes === mark) quotes = undefined
    }
  }
  if (quotes !== undefined) throw new InvalidInputError('A text of the file has no end: nothing was changed.')
  return heads
}

/** Whether a key of a table above it, such as `mcp_servers = { lumos = … }`, says what the table would. */
function saysOtherwise(lines: readonly string[], heads: readonly Head[], name: string): boolean {
  const [group = '', ...rest] = name.split('.')
  return lines.some((line, index) => {
    const table = heads.findLast(head => head.line <= index)?.name
    const [, key = ''] = /^\s*([\w"'. -]+?)\s*=/.exec(line) ?? []
    const first = key.replace(/["'\s]/g, '')
    if (table === undefined) return first === group || first.startsWith(`${group}.`)
    return table === group && (first === rest.join('.') || first.startsWith(`${rest.join('.')}.`))
  })
}
