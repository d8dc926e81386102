/** The tool calls of an answer, as servers stream them: each with one id and name, and its arguments in pieces. */

import {
  type DeltaChunk,
  NAME_CHARS_MAX,
  TEXT_PIECE_CHARS_MAX,
  TOOL_CALLS_MAX
} from '../../../interface/chunks.ts'
import { EngineFailedError } from '../../../interface/errors.ts'
import { isRecord } from '../../../interface/record.ts'

type ToolCallDelta = NonNullable<DeltaChunk['toolCalls']>[number]

export class Calls {
  readonly #server: string
  readonly #ids: string[] = []
  /** The last call that the server gave this index: some give 0 to all of them. */
  readonly #byStated = new Map<unknown, number>()

  constructor(server: string) {
    this.#server = server
  }

  get size(): number {
    return this.#ids.length
  }

  /** What one entry of `tool_calls` adds. */
  read(entry: Record<string, unknown>): ToolCallDelta[] {
    const { name, arguments: given } = isRecord(entry.function) ? entry.function : entry
    // Some give what the arguments are, and not their JSON.
    const words = typeof given === 'string' ? given : isRecord(given) ? this.#written(given) : ''
    const id = nameIn(entry.id)
    const title = nameIn(name)
    const known = id === undefined ? undefined : this.#ids.indexOf(id)
    if (known === undefined || known === -1) {
      // An id or a name that is new begins a call; what has neither goes on.
      if (id !== undefined || title !== undefined) return this.#begin(entry.index, id, title, words)
    }
    const index = known ?? this.#byStated.get(entry.index) ?? this.#ids.length - 1
    return index < 0 ? [] : split(words).map(part => ({ index, arguments: part }))
  }

  #written(given: object): string {
    try {
      return JSON.stringify(given)
    } catch (err) {
      throw new EngineFailedError(`${this.#server} sent arguments that are nested too deeply.`, {
        cause: err
      })
    }
  }

  #begin(stated: unknown, id: string | undefined, name: string | undefined, words: string): ToolCallDelta[] {
    const index = this.#ids.length
    if (index >= TOOL_CALLS_MAX) {
      throw new EngineFailedError(`${this.#server} made more than ${TOOL_CALLS_MAX} calls.`)
    }
    this.#ids.push(id ?? `call_${index}`)
    this.#byStated.set(stated, index)
    const first = { index, id: this.#ids[index]!, ...(name !== undefined && { name }) }
    return [first, ...split(words).map(part => ({ index, arguments: part }))]
  }
}

const nameIn = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, NAME_CHARS_MAX) : undefined

/** A string, or parts of which each has a text. */
export function textIn(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map(part => (isRecord(part) && typeof part.text === 'string' ? part.text : '')).join('')
}

/** Pieces of the size that an answer may have. */
export function split(text: string): string[] {
  const pieces: string[] = []
  for (let start = 0; start < text.length; start += TEXT_PIECE_CHARS_MAX) {
    pieces.push(text.slice(start, start + TEXT_PIECE_CHARS_MAX))
  }
  return pieces
}
