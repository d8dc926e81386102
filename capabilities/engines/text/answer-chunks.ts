/** Pieces of an answer as the chunks that leave the engine. */

import { createHash } from 'node:crypto'
import type { DeltaChunk, Logprob } from '../../../interface/chunks.ts'
import type { Piece } from './answer-text.ts'

export type Likelihood = readonly [token: number, logprob: number]

export interface Choice {
  readonly token: number
  /** What the model said before anything was added or taken away; the chosen one first. */
  readonly likelihoods?: readonly Likelihood[]
}

/** A piece of a call holds so many characters; `TEXT_PIECE_CHARS_MAX` is of the whole piece. */
const PIECE_CHARS_MAX = 16 * 1024
/** Characters of a call's id: Mistral's templates take nine letters and digits, and others anything. */
const CALL_ID_CHARS = 9
type Part = Pick<DeltaChunk, 'text' | 'reasoning' | 'toolCalls'>

/** One for all that a token completes, with the tokens that came since the one before. */
export class Chunks {
  readonly #prompt: string
  readonly #textOf: (token: number) => string
  #choices: Choice[] = []
  #calls = 0
  count = 0

  constructor(prompt: string, textOf: (token: number) => string) {
    this.#prompt = prompt
    this.#textOf = textOf
  }

  *of(pieces: readonly Piece[], choice?: Choice): Generator<DeltaChunk> {
    if (choice !== undefined) this.#choices.push(choice)
    let waiting: Part | undefined
    for (const part of pieces.flatMap(piece => this.#partsOf(piece))) {
      if (waiting !== undefined && charsOf(waiting) + charsOf(part) > PIECE_CHARS_MAX) {
        yield this.#delta(waiting)
        waiting = undefined
      }
      waiting = waiting === undefined ? part : joined(waiting, part)
    }
    if (waiting !== undefined) yield this.#delta(waiting)
  }

  #partsOf(piece: Piece): Part[] {
    if ('text' in piece) return split(piece.text).map(text => ({ text }))
    if ('reasoning' in piece) return split(piece.reasoning).map(reasoning => ({ reasoning }))
    const index = this.#calls++
    const head = { id: this.#idOf(index), name: piece.call.name }
    return split(piece.call.arguments).map((part, at) => ({
      toolCalls: [{ index, ...(at === 0 && head), arguments: part }]
    }))
  }

  /** The same conversation gets the same ids, and a longer one others. */
  #idOf(call: number): string {
    const hash = createHash('sha256').update(`${call} ${this.#prompt}`).digest('base64url')
    return hash.replaceAll(/[-_]/g, '').slice(0, CALL_ID_CHARS)
  }

  #delta(part: Part): DeltaChunk {
    const choices = this.#choices
    this.#choices = []
    const logprobs = choices.flatMap(({ likelihoods }) => (likelihoods ? [this.#logprob(likelihoods)] : []))
    return {
      ...{ type: 'delta', index: this.count++, ...part },
      ...(choices.length > 0 && { tokens: choices.map(({ token }) => token) }),
      ...(logprobs.length > 0 && { logprobs })
    }
  }

  #logprob(likelihoods: readonly Likelihood[]): Logprob {
    const [chosen, ...top] = likelihoods.map(([token, logprob]) => ({ token: this.#textOf(token), logprob }))
    return { ...chosen!, top }
  }
}

const charsOf = ({ text = '', reasoning = '', toolCalls = [] }: Part): number =>
  toolCalls.reduce((sum, { arguments: json = '' }) => sum + json.length, text.length + reasoning.length)

function joined(one: Part, other: Part): Part {
  const text = (one.text ?? '') + (other.text ?? '')
  const reasoning = (one.reasoning ?? '') + (other.reasoning ?? '')
  const toolCalls = [...(one.toolCalls ?? []), ...(other.toolCalls ?? [])]
  return {
    ...(text !== '' && { text }),
    ...(reasoning !== '' && { reasoning }),
    ...(toolCalls.length > 0 && { toolCalls })
  }
}

const HIGH_SURROGATE_AT_END = /[\ud800-\udbff]$/

/** No part ends in the middle of a character. */
function split(text: string): string[] {
  const parts: string[] = []
  for (let at = 0; at < text.length; at += parts.at(-1)!.length) {
    parts.push(
      text
        .slice(at, at + PIECE_CHARS_MAX)
        .replace(at + PIECE_CHARS_MAX < text.length ? HIGH_SURROGATE_AT_END : /$^/, '')
    )
  }
  return parts
}
