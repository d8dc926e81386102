/** Where a value stands in a JSON text: a person mends a file by line and column. */

export interface Place {
  readonly line: number
  readonly column: number
}

/** Both count from 1. */
export function placeAt(text: string, offset: number): Place {
  const before = text.slice(0, offset)
  const line = before.split('\n').length
  return { line, column: offset - before.lastIndexOf('\n') }
}

/**
 * Where the value at `path` begins, or the last one on the way that is there.
 *
 * @param text what `JSON.parse` takes: it is not checked again.
 */
export function offsetIn(text: string, path: readonly PropertyKey[]): number {
  let at = afterSpace(text, 0)
  for (const step of path) {
    const inside = stepInto(text, at, step)
    if (inside === undefined) return at
    at = inside
  }
  return at
}

/** Of two members with one name, the last is what `JSON.parse` gives. */
function stepInto(text: string, at: number, step: PropertyKey): number | undefined {
  const open = text[at]
  if (open !== '{' && open !== '[') return undefined
  let found: number | undefined
  let next = afterSpace(text, at + 1)
  for (let index = 0; next < text.length && text[next] !== '}' && text[next] !== ']'; index++) {
    let name: unknown = index
    if (open === '{') {
      const end = afterString(text, next)
      name = JSON.parse(text.slice(next, end))
      next = afterSpace(text, afterSpace(text, end) + 1)
    }
    if (name === step) found = next
    next = afterSpace(text, afterValue(text, next))
    if (text[next] === ',') next = afterSpace(text, next + 1)
  }
  return found
}

function afterSpace(text: string, at: number): number {
  let next = at
  while (next < text.length && ' \t\n\r'.includes(text[next]!)) next++
  return next
}

function afterString(text: string, at: number): number {
  let next = at + 1
  while (next < text.length && text[next] !== '"') next += text[next] === '\\' ? 2 : 1
  return next + 1
}

function afterValue(text: string, at: number): number {
  let depth = 0
  let next = at
  do {
    const mark = text[next]
    if (mark === '"') {
      next = afterString(text, next)
      continue
    }
    if (mark === '{' || mark === '[') depth++
    else if (mark === '}' || mark === ']') depth--
    else if (depth === 0) return afterScalar(text, next)
    next++
  } while (depth > 0 && next < text.length)
  return next
}

function afterScalar(text: string, at: number): number {
  let next = at
  while (next < text.length && !' \t\n\r,]}'.includes(text[next]!)) next++
  return next
}

const TOKEN =
  /[ \t\n\r]*(?:([{}[\],:])|"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/uy

/** What `JSON.parse` trips over in a text that it refuses: its message has no place for most mistakes. */
export function errorOffset(text: string): number {
  const open: string[] = []
  const token = new RegExp(TOKEN)
  // What may come next.
  let next: 'value' | 'key' | 'colon' | 'end' = 'value'
  let empty = false
  for (;;) {
    const from = afterSpace(text, token.lastIndex)
    const found = token.exec(text)
    if (found === null) return from
    const [all, mark] = found
    const isText = mark === undefined && all.trimStart().startsWith('"')
    const inside = open.at(-1)
    if (mark === '}' || mark === ']') {
      const fits = inside === (mark === '}' ? '{' : '[') && (next === 'end' || empty)
      if (!fits) return from
      open.pop()
      next = 'end'
    } else if (mark === ',') {
      if (next !== 'end' || inside === undefined) return from
      next = inside === '{' ? 'key' : 'value'
    } else if (mark === ':') {
      if (next !== 'colon') return from
      next = 'value'
    } else if (next === 'key') {
      if (!isText) return from
      next = 'colon'
    } else if (next !== 'value') return from
    else if (mark === undefined) next = 'end'
    else {
      open.push(mark)
      next = mark === '{' ? 'key' : 'value'
    }
    empty = mark === '{' || mark === '['
  }
}
