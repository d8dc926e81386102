/**
 * Takes apart what a model writes: text, reasoning and tool calls, up to a stop sequence. What marks them may begin in
 * one token and end in another, so text that may be the beginning of a mark is held back.
 */

import {
  bareCalls,
  CALL_END,
  CALL_START,
  CALLS_FOLLOW,
  callIn,
  mistralCalls,
  PYTHON_TAG,
  type WrittenCall
} from './tool-calls.ts'

const THINK_START = '<think>'
const THINK_END = '</think>'

export type Piece =
  | { readonly text: string }
  | { readonly reasoning: string }
  | { readonly call: WrittenCall }

export interface AnswerTextOptions {
  readonly stops: readonly string[]
  /** Names of the tools that may be called; absent: what looks like a call is text. */
  readonly tools?: ReadonlySet<string>
  /** Whether a second call is left out. */
  readonly oneCall: boolean
  /** Whether the prompt ends in the middle of reasoning. */
  readonly reasons: boolean
}

export class AnswerText {
  readonly #options: AnswerTextOptions
  #mode: 'begin' | 'text' | 'reasoning' | 'call' | 'mistral' | 'bare'
  /** What is held back. */
  #held = ''
  /** What is held has been looked through for this in vain, so only what comes is looked through for it. */
  #waitsFor: 'words' | 'call-end' | undefined
  /** The end of what was written: a mark may begin there. */
  #tail = ''
  /** Spaces that come now are no part of the answer. */
  #trims = false
  #calls = 0
  #stopped = false

  constructor(options: AnswerTextOptions) {
    this.#options = options
    this.#mode = options.reasons ? 'reasoning' : 'begin'
  }

  /** Whether the answer is over, whatever the model would go on to write. */
  get stopped(): boolean {
    return this.#stopped
  }

  get isReasoning(): boolean {
    return this.#mode === 'reasoning'
  }

  /** What was written of a call that has no end yet, after its mark. */
  get openCall(): string | undefined {
    return this.#mode === 'call' ? this.#held : undefined
  }

  /** Whether something was written that may be part of a mark or a call. */
  get isHolding(): boolean {
    return this.#held !== ''
  }

  get calls(): number {
    return this.#calls
  }

  add(written: string): Piece[] {
    this.#held += written
    const end = this.#tail + written
    this.#tail = end.slice(1 - CALL_END.length)
    if (this.#waitsFor === 'words' && written.trimStart() === '') return []
    if (this.#waitsFor === 'call-end' && !end.includes(CALL_END)) return []
    this.#waitsFor = undefined
    const pieces: Piece[] = []
    while (!this.#stopped && this.#step(pieces));
    return pieces
  }

  /** The model writes no more: what was held back. */
  end(): Piece[] {
    const held = this.#held
    this.#held = ''
    if (this.#stopped) return []
    switch (this.#mode) {
      case 'reasoning':
        return held === '' ? [] : [{ reasoning: held }]
      case 'call':
        return [{ text: CALL_START + held }]
      case 'mistral':
        return this.#all(mistralCalls(held)) ?? [{ text: CALLS_FOLLOW + held }]
      case 'bare':
        return this.#all(bareCalls(held.replace(PYTHON_TAG, ''), this.#options.tools!)) ?? this.#rest(held)
      default:
        return this.#rest(held)
    }
  }

  /** Text to the end: it was held back whole, so a stop sequence may lie in it. */
  #rest(held: string): Piece[] {
    const { index } = firstOf(held, this.#options.stops)
    if (index >= 0) this.#stopped = true
    const text = index >= 0 ? held.slice(0, index) : held
    return text === '' ? [] : [{ text }]
  }

  /** @returns whether there may be more to do with what is held. */
  #step(pieces: Piece[]): boolean {
    if (this.#trims) {
      this.#held = this.#held.trimStart()
      if (this.#held === '') return false
      this.#trims = false
    }
    switch (this.#mode) {
      case 'begin':
        return this.#begin()
      case 'text':
        return this.#text(pieces)
      case 'reasoning':
        return this.#reasoning(pieces)
      case 'call':
        return this.#call(pieces)
      default:
        return false
    }
  }

  /** Spaces before a mark are no part of the answer; those before text are. */
  #begin(): boolean {
    const held = this.#held.trimStart()
    if (held === '') {
      this.#waitsFor = 'words'
      return false
    }
    if (held.startsWith(THINK_START)) return this.#enter('reasoning', held.slice(THINK_START.length))
    const { tools } = this.#options
    if (tools !== undefined && (held.startsWith('{') || held.startsWith(PYTHON_TAG))) {
      return this.#enter('bare', held)
    }
    const marks = tools === undefined ? [THINK_START] : [THINK_START, PYTHON_TAG]
    if (marks.some(mark => mark.startsWith(held))) return false
    return this.#enter('text', tools !== undefined && mayBe(held, CALL_START) ? held : this.#held)
  }

  #text(pieces: Piece[]): boolean {
    const { stops, tools } = this.#options
    const marks = tools === undefined ? stops : [...stops, CALL_START, CALLS_FOLLOW]
    const { index, mark } = firstOf(this.#held, marks)
    const safe = index >= 0 ? index : this.#held.length - beginningAtEnd(this.#held, marks)
    const text = this.#held.slice(0, safe)
    if (text !== '') pieces.push({ text })
    this.#held = this.#held.slice(safe)
    if (mark === undefined) return false

    if (stops.includes(mark)) {
      this.#stopped = true
      return false
    }
    return this.#enter(mark === CALL_START ? 'call' : 'mistral', this.#held.slice(mark.length))
  }

  #reasoning(pieces: Piece[]): boolean {
    const end = this.#held.indexOf(THINK_END)
    const safe = end >= 0 ? end : this.#held.length - beginningAtEnd(this.#held, [THINK_END])
    const reasoning = this.#held.slice(0, safe)
    if (reasoning !== '') pieces.push({ reasoning })
    this.#held = this.#held.slice(safe)
    if (end < 0) return false
    this.#trims = true
    return this.#enter('begin', this.#held.slice(THINK_END.length))
  }

  #call(pieces: Piece[]): boolean {
    const end = this.#held.indexOf(CALL_END)
    if (end < 0) {
      this.#waitsFor = 'call-end'
      return false
    }
    const body = this.#held.slice(0, end)
    const call = callIn(body)
    if (call === undefined) pieces.push({ text: CALL_START + body + CALL_END })
    else pieces.push(...this.#all([call])!)
    if (this.#stopped) return false
    this.#trims = call !== undefined
    return this.#enter('text', this.#held.slice(end + CALL_END.length))
  }

  #all(calls: readonly WrittenCall[] | undefined): Piece[] | undefined {
    if (calls === undefined) return undefined
    const { oneCall } = this.#options
    const kept = oneCall ? calls.slice(0, 1) : calls
    this.#calls += kept.length
    if (oneCall) this.#stopped = true
    return kept.map(call => ({ call }))
  }

  #enter(mode: 'begin' | 'text' | 'reasoning' | 'call' | 'mistral' | 'bare', held: string): boolean {
    this.#mode = mode
    this.#held = held
    return held !== ''
  }
}

/** Where the first of the marks is; -1 where none is. Of two at one place, the longer. */
function firstOf(text: string, marks: readonly string[]): { index: number; mark?: string } {
  let first: { index: number; mark?: string } = { index: -1 }
  for (const mark of marks) {
    const index = text.indexOf(mark)
    if (index < 0 || (first.index >= 0 && index > first.index)) continue
    if (index === first.index && mark.length <= first.mark!.length) continue
    first = { index, mark }
  }
  return first
}

/** Characters at the end of `text` with which one of the marks begins. */
function beginningAtEnd(text: string, marks: readonly string[]): number {
  let longest = 0
  for (const mark of marks) {
    for (let length = Math.min(mark.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(mark.slice(0, length))) longest = length
    }
  }
  return longest
}

const mayBe = (text: string, mark: string): boolean => text.startsWith(mark) || mark.startsWith(text)
