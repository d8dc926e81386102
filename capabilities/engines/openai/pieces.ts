/**
 * What a compatible server streams, as the chunks of an answer: lenient in, strict out.
 *
 * Servers leave out indexes and ids of tool calls, give arguments as objects, send whole messages instead of deltas, or
 * end without saying why. Each of these is read as what it means.
 */

import type { DeltaChunk, InferenceChunk, Logprob, Usage } from '../../../interface/chunks.ts'
import { EngineFailedError } from '../../../interface/errors.ts'
import { isRecord } from '../../../interface/record.ts'
import { Calls, split, textIn } from './calls.ts'
import { readError } from './failure.ts'
import { logprobsIn } from './logprobs.ts'

/** Of what is held, in characters: as much as an answer may have. */
const HELD_CHARS_MAX = 16 * 1024 * 1024
/** Tokens that one piece may be made of. */
const PIECE_TOKENS_MAX = 1024
/** Words of servers for an answer that ended by itself. */
const STOPS: ReadonlySet<string> = new Set([
  'stop',
  'eos',
  'end_turn',
  'stop_sequence',
  'eos_token',
  'COMPLETE'
])
/** The answer, or its rest, is withheld. */
const FILTERED = 'content_filter'
const LENGTHS: ReadonlySet<string> = new Set(['length', 'max_tokens', 'MAX_TOKENS'])

export class Pieces {
  readonly #server: string
  readonly #piecesMax: number
  #index = 0
  /** What comes after the last piece that the answer may have is sent with that piece. */
  #held = ''
  readonly #calls: Calls
  readonly #logprobs: Logprobs | undefined
  #finish: string | undefined
  #usage: Usage = {}

  /** @param piecesMax pieces, and tokens, that the answer may have. */
  constructor(server: string, piecesMax: number, { logprobs = false } = {}) {
    this.#server = server
    this.#piecesMax = piecesMax
    this.#calls = new Calls(server)
    this.#logprobs = logprobs ? new Logprobs(piecesMax) : undefined
  }

  /** Chunks for one event of the stream, or for a whole completion. */
  read(body: unknown): InferenceChunk[] {
    if (!isRecord(body)) throw new EngineFailedError(`${this.#server} sent an event that is no object.`)
    if (body.error !== undefined && body.error !== null) {
      throw new EngineFailedError(`${this.#server}: ${readError(body).message.slice(0, 512)}`)
    }
    if (isRecord(body.usage)) this.#usage = usageOf(body.usage)
    // Of several choices, one was asked for.
    const choice = Array.isArray(body.choices) ? body.choices[0] : undefined
    if (!isRecord(choice)) return []
    const message = [choice.delta, choice.message].find(isRecord) ?? { content: choice.text }
    this.#logprobs?.add(choice.logprobs)
    const chunks = this.#withLogprobs(this.#chunksOf(message))
    const reason = choice.finish_reason ?? choice.stop_reason
    if (typeof reason === 'string' && reason !== '') this.#finish = reason
    return chunks
  }

  /** The last chunks. @throws when the server went before its answer was over. */
  end({ said }: { readonly said: boolean }): InferenceChunk[] {
    if (!said && this.#finish === undefined) {
      throw new EngineFailedError(`${this.#server} ended before its answer was done.`)
    }
    const rest: InferenceChunk[] = []
    for (const text of split(this.#held)) rest.push({ type: 'text', index: this.#index++, text })
    const finishReason = this.#reason(this.#finish ?? 'stop')
    return [
      ...this.#withLogprobs(rest),
      { type: 'done', index: this.#index, finishReason, usage: this.#usage }
    ]
  }

  /** An answer with calls waits for tools, whatever its server says. */
  #reason(reason: string): string {
    if (this.#calls.size > 0) return 'tool_calls'
    if (STOPS.has(reason)) return 'stop'
    if (LENGTHS.has(reason)) return 'length'
    return reason === FILTERED ? reason : 'other'
  }

  #chunksOf(message: Record<string, unknown>): InferenceChunk[] {
    const chunks: InferenceChunk[] = []
    const thought = [message.reasoning_content, message.reasoning, message.thinking].find(
      one => typeof one === 'string'
    )
    for (const reasoning of split(String(thought ?? ''))) {
      chunks.push({ type: 'delta', index: this.#index++, reasoning })
    }
    for (const text of split(textIn(message.content))) {
      // A server may count its pieces in another way than tokens.
      if (this.#index + 1 >= this.#piecesMax) this.#hold(text)
      else chunks.push({ type: 'text', index: this.#index++, text })
    }
    const toolCalls = Array.isArray(message.tool_calls) ? message.tool_calls.filter(isRecord) : []
    for (const call of toolCalls.flatMap(one => this.#calls.read(one))) {
      chunks.push({ type: 'delta', index: this.#index++, toolCalls: [call] })
    }
    return chunks
  }

  /** Those of tokens that have made no text yet, such as half a character, come with the next piece. */
  #withLogprobs(chunks: InferenceChunk[]): InferenceChunk[] {
    const [first, ...others] = chunks
    const logprobs = first === undefined ? [] : (this.#logprobs?.taken() ?? [])
    if (first === undefined || logprobs.length === 0) return chunks
    return [{ ...(first as DeltaChunk), type: 'delta', logprobs }, ...others]
  }

  #hold(text: string): void {
    this.#held += text
    if (this.#held.length > HELD_CHARS_MAX)
      throw new EngineFailedError(`${this.#server} sent an answer of more than ${HELD_CHARS_MAX} characters.`)
  }
}

/** Of tokens, until a piece takes them. */
class Logprobs {
  #left: number
  #waiting: Logprob[] = []

  /** @param most tokens that the answer may have: a server may count its last one, and the mark of its end, too. */
  constructor(most: number) {
    this.#left = most
  }

  add(said: unknown): void {
    const some = logprobsIn(said).slice(0, Math.min(this.#left, PIECE_TOKENS_MAX - this.#waiting.length))
    this.#left -= some.length
    this.#waiting.push(...some)
  }

  taken(): Logprob[] {
    return this.#waiting.splice(0)
  }
}

function usageOf({ prompt_tokens: input, completion_tokens: output }: Record<string, unknown>): Usage {
  const isCount = (count: unknown): count is number => Number.isSafeInteger(count) && Number(count) >= 0
  return {
    ...(isCount(input) && { inputTokens: input }),
    ...(isCount(output) && { outputTokens: output })
  }
}
