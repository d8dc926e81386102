/** The unit that a body names, from its beginning: how long the rest may be depends on it. */

/** Strings, also one that is cut off at the end, and what separates and nests them. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?$)|[[\]{}:,]/gs

/**
 * The value of the first key `unit` of the outermost object, if that is within `head`. It is a hint: a body may
 * say otherwise further on, so its size is checked again for the unit that it turns out to be for.
 */
export function unitNamedIn(head: string): string | undefined {
  let depth = 0
  let key = ''
  let previous = ''
  for (const [token] of head.matchAll(TOKENS)) {
    if (token === '{' || token === '[') depth++
    else if (token === '}' || token === ']') depth--
    else if (depth === 1 && token.startsWith('"')) {
      if (key === '"unit"' && previous === ':') return /^"(.*)"$/s.exec(token)?.[1]
      key = token
    }
    previous = token
  }
  return undefined
}
