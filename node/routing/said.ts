/** What the caller of a request was given, as another peer must know it to go on from there. */

import type { InferenceChunk } from '../../interface/chunks.ts'
import { RESUME_CHARS_MAX, RESUME_TOKENS_MAX, type Resume } from '../../interface/resume.ts'

type Call = NonNullable<Resume['toolCalls']>[number]

export class Said {
  #index = 0
  #text = ''
  #reasoning = ''
  readonly #calls = new Map<number, Call>()
  #tokens: number[] = []
  #chars = 0
  #isWhole = true

  add(chunk: InferenceChunk): void {
    if (chunk.type === 'progress' || chunk.type === 'done') return
    this.#index++
    if (chunk.type !== 'text' && chunk.type !== 'delta') this.#forget()
    else if (this.#isWhole) this.#keep(chunk.type === 'text' ? { text: chunk.text } : chunk)
  }

  /** False before the first chunk, and once something was given that no text or token stands for, or more than is kept. */
  get isKept(): boolean {
    return this.#isWhole && this.#index > 0
  }

  get resume(): Resume {
    return {
      ...{ index: this.#index, text: this.#text, tokens: this.#tokens },
      ...(this.#reasoning !== '' && { reasoning: this.#reasoning }),
      ...(this.#calls.size > 0 && { toolCalls: [...this.#calls.values()] })
    }
  }

  #keep({ text = '', reasoning = '', toolCalls = [], tokens = [] }: Partial<Delta>): void {
    this.#text += text
    this.#reasoning += reasoning
    this.#chars += text.length + reasoning.length
    for (const { index, id = '', name = '', arguments: words = '' } of toolCalls) {
      const call = this.#calls.get(index) ?? { id: '', name: '', arguments: '' }
      this.#calls.set(index, {
        id: id || call.id,
        name: name || call.name,
        arguments: call.arguments + words
      })
      this.#chars += words.length
    }
    for (const token of tokens) this.#tokens.push(token)
    if (this.#chars > RESUME_CHARS_MAX || this.#tokens.length > RESUME_TOKENS_MAX) this.#forget()
  }

  #forget(): void {
    this.#isWhole = false
    this.#text = ''
    this.#reasoning = ''
    this.#calls.clear()
    this.#tokens = []
  }
}

type Delta = Extract<InferenceChunk, { type: 'delta' }>
