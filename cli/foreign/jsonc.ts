/** JSON as editors write it, with comments and commas at the end, and where each value stands in the text. */

import { InvalidInputError } from '../../interface/errors.ts'

/** No configuration nests deeper. */
const DEPTH_MAX = 100

interface Span {
  readonly start: number
  readonly end: number
  readonly value: unknown
}

export interface JsonMember {
  readonly key: string
  readonly value: JsonNode
  readonly hasComma: boolean
}

export interface JsonObject extends Span {
  readonly kind: 'object'
  readonly members: readonly JsonMember[]
  /** Where its last value, comma or comment ends. */
  readonly lastEnd: number
}

export type JsonNode = JsonObject | (Span & { readonly kind: 'other' })

/** Spaces and comments, which stand between all else. */
const GAP = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y
const SCALAR = /"(?:[^"\\\n]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/y

/** @throws {InvalidInputError} saying in which line. */
export function parseJsonc(text: string): JsonNode {
  const reader = new Reader(text)
  const node = reader.value(0)
  reader.gap()
  if (reader.at < text.length) throw reader.wrong()
  return node
}

class Reader {
  readonly #text: string
  at: number

  constructor(text: string) {
    this.#text = text
    // Some editors of Windows begin a file with a mark.
    this.at = text.startsWith('\ufeff') ? 1 : 0
  }

  gap(): void {
    GAP.lastIndex = this.at
    GAP.test(this.#text)
    this.at = GAP.lastIndex
  }

  wrong(): InvalidInputError {
    const line = this.#text.slice(0, this.at).split('\n').length
    return new InvalidInputError(`Line ${line} is not JSON: nothing was changed.`)
  }

  value(depth: number): JsonNode {
    if (depth > DEPTH_MAX) throw this.wrong()
    this.gap()
    const start = this.at
    const first = this.#text[start]
    if (first === '{') return this.#object(start, depth)
    if (first === '[') return this.#array(start, depth)
    return { kind: 'other', start, value: this.#scalar(), end: this.at }
  }

  #scalar(): unknown {
    SCALAR.lastIndex = this.at
    const [token] = SCALAR.exec(this.#text) ?? []
    if (token === undefined) throw this.wrong()
    try {
      const value: unknown = JSON.parse(token)
      this.at += token.length
      return value
    } catch {
      throw this.wrong()
    }
  }

  #object(start: number, depth: number): JsonObject {
    const members: JsonMember[] = []
    this.at++
    for (;;) {
      const before = this.at
      this.gap()
      if (this.#taken('}')) {
        const value = Object.fromEntries(members.map(({ key, value: { value } }) => [key, value]))
        const lastEnd = lastWordEnd(this.#text, before, this.at - 1)
        return { kind: 'object', start, end: this.at, value, members, lastEnd }
      }
      if (members.at(-1)?.hasComma === false) throw this.wrong()
      if (this.#text[this.at] !== '"') throw this.wrong()
      const key = this.#scalar() as string
      this.gap()
      if (!this.#taken(':')) throw this.wrong()
      const value = this.value(depth + 1)
      members.push({ key, value, hasComma: this.#comma() })
    }
  }

  #array(start: number, depth: number): JsonNode {
    const value: unknown[] = []
    let more = true
    this.at++
    for (;;) {
      this.gap()
      if (this.#taken(']')) return { kind: 'other', start, end: this.at, value }
      if (!more) throw this.wrong()
      value.push(this.value(depth + 1).value)
      more = this.#comma()
    }
  }

  /** A comma, over what is before it; without one, that is left for the next. */
  #comma(): boolean {
    const before = this.at
    this.gap()
    if (this.#taken(',')) return true
    this.at = before
    return false
  }

  #taken(sign: string): boolean {
    if (this.#text[this.at] !== sign) return false
    this.at++
    return true
  }
}

/** Before the spaces that end the text up to `end`. */
const lastWordEnd = (text: string, start: number, end: number): number =>
  start + text.slice(start, end).trimEnd().length
