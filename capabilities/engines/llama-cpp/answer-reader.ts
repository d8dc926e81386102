/** What a model writes, taken apart: its text up to a stop, what it thought, and the tools that it calls. */

import type { DeltaChunk } from '../../../interface/chunks.ts'

type ToolCall = NonNullable<DeltaChunk['toolCalls']>[number]

export interface Piece {
  text: string
  reasoning: string
  toolCalls: ToolCall[]
}

export interface AnswerReaderOptions {
  readonly stop: readonly string[]
  /** Whether calls of tools are looked for. */
  readonly tools: boolean
  /** Whether the prompt ends within a thought. */
  readonly thinking: boolean
  /** Draws an id for a call. */
  newId(): string
}

const CALL = ['<tool_call>', '</tool_call>'] as const
const THOUGHT = ['<think>', '</think>'] as const
/** Beginnings of answers that are calls as a whole. */
const WHOLE = /^\s*(?:\{|\[TOOL_CALLS\]|<\|python_tag\|>)/
/** Where a beginning of one may still become one. */
const WHOLE_BEGINNINGS: readonly string[] = ['{', '[TOOL_CALLS]', '<|python_tag|>']

export class AnswerReader {
  readonly #options: AnswerReaderOptions
  #held = ''
  #inside: 'text' | 'thought' | 'call' | 'whole'
  #calls = 0
  #begun = false
  #stopped = false

  constructor(options: AnswerReaderOptions) {
    this.#options = options
    this.#inside = options.thinking ? 'thought' : 'text'
  }

  /** Whether a sequence came that ends the answer. */
  get stopped(): boolean {
    return this.#stopped
  }

  get calls(): number {
    return this.#calls
  }

  /** Whether what comes next is the beginning of a call. */
  get atCall(): boolean {
    return this.#inside === 'call' && this.#held === ''
  }

  get inCall(): boolean {
    return this.#inside === 'call'
  }

  push(text: string): Piece {
    this.#held += text
    const piece: Piece = { text: '', reasoning: '', toolCalls: [] }
    while (!this.#stopped && this.#step(piece));
    return piece
  }

  /** What was held back, since more might have come. */
  end(): Piece {
    const piece: Piece = { text: '', reasoning: '', toolCalls: [] }
    const held = this.#stopped ? '' : this.#held
    this.#held = ''
    const isCall = this.#inside === 'whole' || this.#inside === 'call'
    if (isCall && this.#addCalls(held.replace(/^\s*(?:\[TOOL_CALLS\]|<\|python_tag\|>)/, ''), piece))
      return piece
    if (this.#inside === 'thought') piece.reasoning = held
    else piece.text = this.#inside === 'call' ? CALL[0] + held : held
    return piece
  }

  /** @returns whether something may follow in what is held. */
  #step(piece: Piece): boolean {
    switch (this.#inside) {
      case 'whole':
        return false
      case 'call':
        return this.#until(CALL[1], body => {
          if (!this.#addCalls(body, piece)) piece.text += CALL[0] + body + CALL[1]
        })
      case 'thought':
        return (
          this.#until(THOUGHT[1], body => {
            piece.reasoning += body
          }) ||
          this.#release(THOUGHT[1], body => {
            piece.reasoning += body
          })
        )
      case 'text':
        return this.#text(piece)
    }
  }

  /** @returns whether the mark came, which ends what is inside. */
  #until(mark: string, take: (body: string) => void): boolean {
    const at = this.#held.indexOf(mark)
    if (at < 0) return false
    const body = this.#held.slice(0, at)
    this.#held = this.#held.slice(at + mark.length)
    this.#inside = 'text'
    take(body)
    return true
  }

  /** Gives what cannot be the beginning of the mark. */
  #release(mark: string, take: (body: string) => void): false {
    const length = this.#held.length - overlap(this.#held, mark)
    take(this.#held.slice(0, length))
    this.#held = this.#held.slice(length)
    return false
  }

  #text(piece: Piece): boolean {
    const { stop, tools } = this.#options
    if (!this.#begun) {
      const word = this.#held.trimStart()
      if (tools && word !== '' && WHOLE.test(word)) {
        this.#inside = 'whole'
        return true
      }
      if (tools && WHOLE_BEGINNINGS.some(beginning => beginning.startsWith(word))) return false
      // Models that think begin with it.
      if (word !== '' && THOUGHT[0].startsWith(word) && word !== THOUGHT[0]) return false
      if (word.startsWith(THOUGHT[0])) {
        this.#held = word.slice(THOUGHT[0].length)
        this.#inside = 'thought'
        this.#begun = true
        return true
      }
      this.#begun = word !== ''
    }
    const marks = tools ? [...stop, CALL[0]] : stop
    const found = marks
      .map(mark => ({ mark, at: this.#held.indexOf(mark) }))
      .filter(({ at }) => at >= 0)
      .sort((a, b) => a.at - b.at)[0]
    if (found === undefined) {
      const kept = Math.max(0, ...marks.map(mark => overlap(this.#held, mark)))
      piece.text += this.#held.slice(0, this.#held.length - kept)
      this.#held = this.#held.slice(this.#held.length - kept)
      return false
    }
    piece.text += this.#held.slice(0, found.at)
    this.#held = this.#held.slice(found.at + found.mark.length)
    if (found.mark === CALL[0] && tools) this.#inside = 'call'
    else this.#stopped = true
    return !this.#stopped
  }

  /** @returns whether it is one call, or a list of them. */
  #addCalls(body: string, { toolCalls }: Piece): boolean {
    const calls = callsOf(body.trim())
    for (const { name, words } of calls)
      toolCalls.push({ index: this.#calls++, id: this.#options.newId(), name, arguments: words })
    return calls.length > 0
  }
}

/** How much of the end of `text` may be the beginning of `mark`. */
function overlap(text: string, mark: string): number {
  for (let length = Math.min(text.length, mark.length - 1); length > 0; length--)
    if (text.endsWith(mark.slice(0, length))) return length
  return 0
}

function callsOf(body: string): { name: string; words: string }[] {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return []
  }
  const list = Array.isArray(value) ? value : [value]
  const calls: { name: string; words: string }[] = []
  for (const one of list as { name?: unknown; arguments?: unknown; parameters?: unknown }[]) {
    if (typeof one !== 'object' || one === null || typeof one.name !== 'string' || one.name === '') return []
    const given = one.arguments ?? one.parameters ?? {}
    const words = typeof given === 'string' ? given : wordsOf(body, list.length, given)
    calls.push({ name: one.name.slice(0, 256), words })
  }
  return calls
}

/** As the model wrote them, so that the next turn repeats them to the letter and its beginning is known already. */
function wordsOf(body: string, calls: number, given: unknown): string {
  const written = /"(?:arguments|parameters)"\s*:\s*([\s\S]*?)\s*\}$/.exec(body)?.[1]
  const stated = JSON.stringify(given)
  if (calls !== 1 || written === undefined) return stated
  try {
    return JSON.stringify(JSON.parse(written)) === stated ? written : stated
  } catch {
    return stated
  }
}
