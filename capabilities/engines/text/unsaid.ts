/** What of an answer was said before this engine goes on with it, and what follows. */

import type { DeltaChunk } from '../../../interface/chunks.ts'
import { InvalidInputError } from '../../../interface/errors.ts'
import type { Resume } from '../../../interface/resume.ts'

export const cannotGoOn = (why: string): InvalidInputError =>
  new InvalidInputError(`This model cannot go on with the answer: ${why}.`, { details: { field: 'resume' } })

/** Takes what was said from the pieces of a whole answer, and numbers the rest on. */
export class Unsaid {
  #index: number
  #text: string
  #reasoning: string
  /** Of each call that was begun, the arguments that were said and have not come again. */
  readonly #calls: { readonly name: string; rest: string }[]
  /** Of pieces that were said. */
  #tokens: number[] = []

  constructor({ index, text, reasoning = '', toolCalls = [] }: Resume) {
    this.#index = index
    this.#text = text
    this.#reasoning = reasoning
    this.#calls = toolCalls.map(({ name, arguments: rest }) => ({ name, rest }))
  }

  /** Of the next piece. */
  get index(): number {
    return this.#index
  }

  /** Whether all that was said has come. */
  get isSaid(): boolean {
    return this.#text === '' && this.#reasoning === '' && this.#calls.every(({ rest }) => rest === '')
  }

  /** @throws {InvalidInputError} for a piece that is not what was said. */
  rest({
    text = '',
    reasoning = '',
    toolCalls = [],
    tokens = [],
    logprobs
  }: DeltaChunk): DeltaChunk | undefined {
    const [saidText, newText] = parted(this.#text, text)
    const [saidReasoning, newReasoning] = parted(this.#reasoning, reasoning)
    this.#text = saidText
    this.#reasoning = saidReasoning
    const newCalls = toolCalls.flatMap(call => this.#callsOf(call))
    const made = [...this.#tokens, ...tokens]
    if (newText === '' && newReasoning === '' && newCalls.length === 0) {
      this.#tokens = made
      return undefined
    }
    this.#tokens = []
    return {
      ...{ type: 'delta', index: this.#index++ },
      ...(newText !== '' && { text: newText }),
      ...(newReasoning !== '' && { reasoning: newReasoning }),
      ...(newCalls.length > 0 && { toolCalls: newCalls }),
      ...(made.length > 0 && { tokens: made }),
      ...(logprobs !== undefined && { logprobs })
    }
  }

  #callsOf(call: Call): Call[] {
    const said = this.#calls[call.index]
    if (said === undefined) return [call]
    if (call.name !== undefined && call.name !== said.name) throw cannotGoOn('it calls another tool')
    const [rest, words] = parted(said.rest, call.arguments ?? '')
    said.rest = rest
    return words === '' ? [] : [{ index: call.index, arguments: words }]
  }
}

type Call = NonNullable<DeltaChunk['toolCalls']>[number]

/** @returns what is left of what was said, and what of the piece is new. */
function parted(said: string, written: string): [said: string, written: string] {
  if (written.startsWith(said)) return ['', written.slice(said.length)]
  if (said.startsWith(written)) return [said.slice(written.length), '']
  throw cannotGoOn('it reads what was said as something else')
}
