/** An answer in parts as Ollama has them: text, thinking and whole calls of tools, then its end with what it took. */

import type { Clock } from '../../interface/clock.ts'
import { EngineFailedError } from '../../interface/errors.ts'
import { isRecord } from '../../interface/record.ts'
import type { Done, Piece } from '../asking/pieces.ts'
import { chatLogprobs } from '../openai/logprobs.ts'

const NS_PER_MS = 1_000_000

export interface ToolCall {
  readonly id?: string
  readonly function: { readonly index: number; readonly name: string; readonly arguments: object }
}

export interface Part {
  readonly text?: string
  readonly thinking?: string
  readonly calls?: readonly ToolCall[]
  readonly logprobs?: readonly object[]
  readonly end?: object
}

interface PartsOptions {
  readonly clock: Clock
  /** `false`: what the model thinks is left out. */
  readonly think: boolean | string | undefined
}

export async function* partsOf(
  pieces: AsyncIterable<Piece>,
  { clock, think }: PartsOptions
): AsyncGenerator<Part, void, undefined> {
  const calls = new Calls()
  const times = new Times(clock)
  for await (const piece of pieces) {
    times.note(piece)
    if (piece.type === 'text') yield { text: piece.text }
    else if (piece.type === 'delta') {
      const { text = '', reasoning = '', logprobs, tool_calls } = piece
      for (const call of tool_calls ?? []) calls.add(call)
      const thinking = think === false ? '' : reasoning
      if (text === '' && thinking === '' && logprobs === undefined) continue
      yield { text, thinking, ...(logprobs && { logprobs: chatLogprobs(logprobs).content }) }
    } else if (piece.type === 'done') {
      if (!calls.isEmpty) yield { calls: calls.whole() }
      yield { end: endOf(piece, times) }
    }
  }
}

const endOf = ({ finish_reason: reason, usage }: Done, times: Times): object => ({
  done_reason: reason === 'length' ? 'length' : 'stop',
  ...times.durations(usage.input_tokens, usage.output_tokens)
})

type CallPiece = NonNullable<Extract<Piece, { type: 'delta' }>['tool_calls']>[number]

/** Ollama gives a call when it is whole. */
class Calls {
  readonly #calls = new Map<number, { id: string; name: string; words: string }>()

  get isEmpty(): boolean {
    return this.#calls.size === 0
  }

  add({ index, id = '', name = '', arguments: words = '' }: CallPiece): void {
    const call = this.#calls.get(index) ?? { id: '', name: '', words: '' }
    this.#calls.set(index, { id: id || call.id, name: name || call.name, words: call.words + words })
  }

  /** @throws {EngineFailedError} */
  whole(): ToolCall[] {
    return [...this.#calls.values()].map(({ id, name, words }, index) => ({
      ...(id !== '' && { id }),
      function: { index, name, arguments: argumentsOf(name, words) }
    }))
  }
}

function argumentsOf(name: string, words: string): object {
  try {
    const value: unknown = words === '' ? {} : JSON.parse(words)
    if (isRecord(value)) return value
  } catch {
    // Said below.
  }
  throw new EngineFailedError(
    `The model called ${name.slice(0, 128)} with arguments that are no JSON object.`
  )
}

/** Nanoseconds: of the whole, of loading as far as a device says so, of the question, and of the answer. */
class Times {
  readonly #clock: Clock
  readonly #startMs: number
  #loadingMs: number | undefined
  #loadMs = 0
  #firstMs: number | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monotonicMs()
  }

  note(piece: Piece): void {
    const now = this.#clock.monotonicMs()
    if (this.#loadingMs !== undefined) this.#loadMs += now - this.#loadingMs
    this.#loadingMs = piece.type === 'progress' && piece.stage === 'loading' ? now : undefined
    if (piece.type !== 'progress') this.#firstMs ??= now
  }

  durations(asked: number | undefined, said: number | undefined): object {
    const now = this.#clock.monotonicMs()
    const first = this.#firstMs ?? now
    return {
      total_duration: ns(now - this.#startMs),
      load_duration: ns(this.#loadMs),
      prompt_eval_count: asked,
      prompt_eval_duration: ns(first - this.#startMs - this.#loadMs),
      eval_count: said,
      eval_duration: ns(now - first)
    }
  }
}

export const ns = (ms: number): number => Math.round(ms * NS_PER_MS)
