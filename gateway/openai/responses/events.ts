/** What `/v1/responses` says of a response: its head, how it ended, and the events on the way. */

import { type Piece, usageOf } from '../../asking/pieces.ts'
import { namedEvent, progressComment } from '../../asking/stream.ts'
import { errorOf } from '../errors.ts'
import type { Body } from './body.ts'
import type { ResponseEvent, ResponseOutput } from './output.ts'

/** What a response says of its request. */
export function headOf(body: Body) {
  const { model, instructions = null, max_output_tokens = null, temperature = null, top_p = null } = body
  const { previous_response_id = null, parallel_tool_calls = true, metadata = {}, store = true } = body
  const { background = false } = body
  return {
    object: 'response',
    ...{ model, instructions, max_output_tokens, temperature, top_p, previous_response_id },
    ...{ parallel_tool_calls, metadata, store, background },
    tools: (body.tools ?? []).map(tool => ({ type: 'function', strict: false, ...tool })),
    tool_choice:
      body.tool_choice instanceof Object
        ? { type: 'function', ...body.tool_choice }
        : (body.tool_choice ?? 'auto'),
    text: { format: body.text?.format ?? { type: 'text' } },
    ...{ truncation: 'disabled', reasoning: null, user: null }
  }
}
export type Head = ReturnType<typeof headOf> & { readonly id: string; readonly created_at: number }

export function completed(head: Head, output: ResponseOutput) {
  const cut = output.finishReason === 'length'
  const { inputTokens, outputTokens, totalTokens } = usageOf([output.usage])
  return {
    ...head,
    status: cut ? 'incomplete' : 'completed',
    error: null,
    incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
    output: output.items(),
    usage: {
      ...{ input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: totalTokens },
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 0 }
    },
    ...output.more
  }
}

/** A response that is under way, with what there is of it. */
export const begun = (head: Head, output: readonly object[] = []) => ({
  ...head,
  ...{ status: 'in_progress', error: null, incomplete_details: null, output, usage: null }
})

/** A response that failed, or was cancelled. */
export function ended(head: Head, output: ResponseOutput, thrown: unknown, status = 'failed') {
  const { message, code } = errorOf(thrown).error
  const error = { code: code ?? 'server_error', message }
  return { ...begun(head, output.items()), status, error }
}

/** The events of one response, numbered. The same pieces make the same events, so a reader may come back for the rest. */
export class Events {
  readonly #head: Head
  readonly #output: ResponseOutput
  readonly #after: number
  #sequence = 0

  /** @param after number of the last event that the reader has. */
  constructor(head: Head, output: ResponseOutput, after = -1) {
    this.#head = head
    this.#output = output
    this.#after = after
  }

  async *of(
    pieces: AsyncIterable<Piece>,
    ended: () => { status: string }
  ): AsyncGenerator<string, void, undefined> {
    let begun = false
    for await (const piece of pieces) {
      if (piece.type === 'progress') {
        // It is not kept, so it is no event: those keep their numbers.
        const comment = progressComment(piece)
        if (comment !== '') yield comment
        continue
      }
      const before = begun ? '' : this.#begin()
      begun = true
      const events = this.#output.add(piece).map(event => this.#text(event))
      const text = before + events.join('')
      if (text !== '') yield text
    }
    const response = ended()
    const last = this.#text({ type: `response.${response.status}`, response })
    if (last !== '') yield last
  }

  failed(thrown: unknown): string {
    const response = ended(this.#head, this.#output, thrown)
    return (
      this.#text({ type: 'error', ...response.error, param: null }) +
      this.#text({ type: 'response.failed', response })
    )
  }

  #begin(): string {
    const response = begun(this.#head)
    return ['response.created', 'response.in_progress'].map(type => this.#text({ type, response })).join('')
  }

  #text({ type, ...fields }: ResponseEvent): string {
    const sequence_number = this.#sequence++
    return sequence_number > this.#after ? namedEvent(type, { type, sequence_number, ...fields }) : ''
  }
}
