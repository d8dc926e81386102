/** A YAML text as a value, with the line and column of each of its parts. */

import { type Document, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { type Problem, pathText } from '../repositories/problem.ts'

/** Far more than a configuration has; bounds what a wrong path can make us parse. */
const TEXT_CHARS_MAX = 1024 * 1024
/** The parser calls itself for each level. */
const DEPTH_MAX = 64

export class YamlText {
  readonly file: string
  /** Undefined where the text is no YAML. */
  readonly value: unknown
  readonly problems: Problem[] = []
  readonly warnings: Problem[] = []
  readonly #lines = new LineCounter()
  #document: Document | undefined

  constructor(file: string, text: string) {
    this.file = file
    this.value = this.#parse(text)
  }

  #parse(text: string): unknown {
    if (text.length > TEXT_CHARS_MAX) return this.#refuse(0, `it has more than ${TEXT_CHARS_MAX} characters`)
    if (depthOf(text) > DEPTH_MAX) return this.#refuse(0, `it is nested deeper than ${DEPTH_MAX} levels`)
    try {
      // Else the parser writes parts of the text to the terminal by itself, as for a map that is a key.
      const quiet = { logLevel: 'error', prettyErrors: false } as const
      const document = parseDocument(text, { ...quiet, lineCounter: this.#lines })
      for (const { pos, message } of document.errors) this.#refuse(pos[0], message)
      if (this.problems.length > 0) return undefined
      this.#document = document
      return document.toJS()
    } catch (err) {
      return this.#refuse(0, (err as Error).message)
    }
  }

  #refuse(offset: number, message: string): undefined {
    this.problems.push(this.#problem(offset, message))
  }

  #problem(offset: number, message: string): Problem {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), message }
  }

  /** Something is wrong with the value at `path`; with its name, where `of` is `key`. */
  report(path: readonly PropertyKey[], message: string, of: 'key' | 'value' = 'value'): void {
    this.problems.push(this.#at(path, message, of))
  }

  warn(path: readonly PropertyKey[], message: string): void {
    this.warnings.push(this.#at(path, message, 'key'))
  }

  #at(path: readonly PropertyKey[], message: string, of: 'key' | 'value'): Problem {
    const where = pathText(path)
    return this.#problem(this.#offsetOf(path, of), where === '' ? message : `${where}: ${message}`)
  }

  /** Of what is there: the last part of the path may be missing. */
  #offsetOf(path: readonly PropertyKey[], of: 'key' | 'value'): number {
    let node: unknown = this.#document?.contents
    let offset = rangeOf(node)
    for (const [depth, step] of path.entries()) {
      let key: unknown
      if (isSeq(node)) node = node.items[Number(step)]
      else if (isMap(node)) {
        const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step))
        key = pair?.key
        node = pair?.value
      } else node = undefined
      const isLast = depth === path.length - 1
      offset = (isLast && of === 'key' ? rangeOf(key) : rangeOf(node)) ?? rangeOf(key) ?? offset
      if (node == null) break
    }
    return offset ?? 0
  }
}

const rangeOf = (node: unknown): number | undefined => (isNode(node) ? node.range?.[0] : undefined)

/** At most: brackets that are open at once, or columns that a line is indented by. */
function depthOf(text: string): number {
  let open = 0
  let deepest = 0
  for (const mark of text) {
    if (mark === '[' || mark === '{') deepest = Math.max(deepest, ++open)
    else if (mark === ']' || mark === '}') open = Math.max(0, open - 1)
  }
  for (const [dashes] of text.matchAll(/^[ ]*(?:[-?] +)*/gm)) deepest = Math.max(deepest, dashes.length / 2)
  return deepest
}
