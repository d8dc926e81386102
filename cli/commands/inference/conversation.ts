/** What was asked and answered so far, and with which model. */

import type { InferenceChunk } from '../../../interface/chunks.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import { textGeneration } from '../../../interface/tasks/text-generation.ts'
import type { AskOptions, Meta, NodeClient } from '../../client.ts'

type Piece = SnakeCase<InferenceChunk>

export interface ConversationOptions {
  readonly node: NodeClient
  readonly model: string
  readonly system: string | undefined
  readonly maxTokens: number | undefined
  readonly asking: AskOptions
  /** Called with what was asked, as `inference.run` takes it, and the last piece of its answer. */
  onAnswer?(request: unknown, end: unknown): void
}

interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

export class Conversation {
  readonly node: NodeClient
  readonly #maxTokens: number | undefined
  readonly #asking: AskOptions
  readonly #onAnswer: ConversationOptions['onAnswer']
  #messages: readonly Message[]
  model: string
  /** The only device that may answer. */
  peer: string | undefined

  constructor({ node, model, system, maxTokens, asking, onAnswer }: ConversationOptions) {
    this.node = node
    this.model = model
    this.peer = asking.peer
    this.#maxTokens = maxTokens
    this.#asking = asking
    this.#onAnswer = onAnswer
    this.#messages = system === undefined ? [] : [{ role: 'system', content: system }]
  }

  /** The input of `inference.chat`, with this question at the end. */
  asked(question?: string): { model: string; messages: readonly Message[]; max_tokens: number | undefined } {
    const messages =
      question === undefined
        ? this.#messages
        : [...this.#messages, { role: 'user' as const, content: question }]
    return { model: this.model, messages, max_tokens: this.#maxTokens }
  }

  /** @param end what says how the answer ended. */
  answered(question: string, end: unknown): void {
    const { model, messages, max_tokens } = this.asked(question)
    this.#onAnswer?.({ task: textGeneration.name, model, input: { messages }, params: { max_tokens } }, end)
  }

  /** The answer in pieces. As far as it came, it is part of the conversation; a question without any answer is not. */
  async *ask(question: string, signal?: AbortSignal): AsyncGenerator<unknown, Meta> {
    const { messages } = this.asked(question)
    let content = ''
    try {
      const pieces = this.node.stream('inference.chat', this.asked(question), {
        ...this.#asking,
        ...{ peer: this.peer, signal }
      })
      for (;;) {
        const next = await pieces.next()
        if (next.done) return next.value
        const piece = next.value as Piece
        if (piece.type === 'done') this.answered(question, piece)
        if (piece.type === 'text' || piece.type === 'delta') content += piece.text ?? ''
        yield piece
      }
    } finally {
      if (content !== '') this.#messages = [...messages, { role: 'assistant', content }]
    }
  }
}
