/** Reads a grammar as `schema-grammar.ts` writes it (GBNF), for the engines that have no reader of their own. */

/** What comes next, byte by byte, as texts are in UTF-8. */
export type Node =
  | { readonly kind: 'byte'; readonly accepts: (byte: number) => boolean }
  | { readonly kind: 'all'; readonly parts: readonly Node[] }
  | { readonly kind: 'one'; readonly choices: readonly Node[] }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }

const TOKENS =
  /\s*(?:("(?:[^"\\]|\\.)*")|(\[(?:[^\]\\]|\\.)*\])|([A-Za-z][\w-]*)|\{(\d+)(,?)(\d*)\}|([()|*+?]))/g
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' }
const ESCAPED = /\\(?:x([0-9A-Fa-f]{2})|(.))/g

/** The rules by their names. */
export function readGrammar(grammar: string): ReadonlyMap<string, Node> {
  const rules = new Map<string, Node>()
  for (const line of grammar.split('\n')) {
    const at = line.indexOf(' ::= ')
    rules.set(line.slice(0, at), new Reader(line.slice(at + 5)).choices())
  }
  return rules
}

class Reader {
  readonly #tokens: RegExpMatchArray[]
  #at = 0

  constructor(text: string) {
    this.#tokens = [...text.matchAll(TOKENS)]
  }

  choices(): Node {
    const choices: Node[] = [this.#sequence()]
    while (this.#isNext('|')) choices.push(this.#sequence())
    return choices.length === 1 ? choices[0]! : { kind: 'one', choices }
  }

  #sequence(): Node {
    const parts: Node[] = []
    for (let token = this.#tokens[this.#at]; token !== undefined; token = this.#tokens[this.#at]) {
      if (token[7] === '|' || token[7] === ')') break
      this.#at++
      parts.push(this.#repeated(this.#item(token)))
    }
    return parts.length === 1 ? parts[0]! : { kind: 'all', parts }
  }

  #item([, literal, set, name]: RegExpMatchArray): Node {
    if (literal !== undefined) return textNode(unescaped(literal.slice(1, -1)))
    if (set !== undefined) return setNode(set.slice(1, -1))
    if (name !== undefined) return { kind: 'rule', name }
    const group = this.choices()
    this.#isNext(')')
    return group
  }

  #repeated(node: Node): Node {
    const token = this.#tokens[this.#at]
    const often = { '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] }[token?.[7] ?? '']
    const min = often?.[0] ?? (token?.[4] === undefined ? undefined : Number(token[4]))
    if (min === undefined) return node
    this.#at++
    const [, , , , , comma, most] = token!
    const max = often?.[1] ?? (comma === '' ? min : most === '' ? Infinity : Number(most))
    return { kind: 'repeat', node, min, max }
  }

  #isNext(sign: string): boolean {
    if (this.#tokens[this.#at]?.[7] !== sign) return false
    this.#at++
    return true
  }
}

const unescaped = (text: string): string =>
  text.replace(ESCAPED, (_, hex, sign) =>
    hex === undefined ? (ESCAPES[sign] ?? sign) : String.fromCharCode(Number.parseInt(hex, 16))
  )

const textNode = (text: string): Node => ({
  kind: 'all',
  parts: [...Buffer.from(text)].map(byte => between(byte, byte))
})

const between = (first: number, last: number): Node => ({
  kind: 'byte',
  accepts: byte => byte >= first && byte <= last
})

/** A set of ASCII characters, or all of Unicode without them. */
function setNode(written: string): Node {
  const isNegated = written.startsWith('^')
  const characters: [text: string, isEscaped: boolean][] = []
  for (const [text] of written.slice(isNegated ? 1 : 0).matchAll(/\\x[0-9A-Fa-f]{2}|\\.|[^\\]/g))
    characters.push([unescaped(text), text.length > 1])
  const members = new Set<number>()
  for (let at = 0; at < characters.length; at++) {
    const first = characters[at]![0].charCodeAt(0)
    const isRange = characters[at + 1]?.[0] === '-' && !characters[at + 1]![1] && at + 2 < characters.length
    const last = isRange ? characters[at + 2]![0].charCodeAt(0) : first
    for (let code = first; code <= last; code++) members.add(code)
    if (isRange) at += 2
  }
  if (!isNegated) return { kind: 'byte', accepts: byte => members.has(byte) }
  return {
    kind: 'one',
    choices: [{ kind: 'byte', accepts: byte => byte < 0x80 && !members.has(byte) }, ...LONGER_CHARACTERS]
  }
}

const REST = between(0x80, 0xbf)
/** Characters of several bytes: those that are well-formed, by their first byte. */
const LONGER_CHARACTERS: readonly Node[] = [
  [between(0xc2, 0xdf), REST],
  [between(0xe0, 0xe0), between(0xa0, 0xbf), REST],
  [between(0xe1, 0xec), REST, REST],
  [between(0xed, 0xed), between(0x80, 0x9f), REST],
  [between(0xee, 0xef), REST, REST],
  [between(0xf0, 0xf0), between(0x90, 0xbf), REST, REST],
  [between(0xf1, 0xf3), REST, REST, REST],
  [between(0xf4, 0xf4), between(0x80, 0x8f), REST, REST]
].map((parts): Node => ({ kind: 'all', parts }))
