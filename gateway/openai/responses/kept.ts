/** Responses that a later one may go on from. They are in memory: a restart of the node forgets them, as the bound does. */

import type { UnitMessage } from './input.ts'

const RESPONSES_MAX = 256
/** Conversations hold pictures, so they are counted by size too. */
const CHARS_MAX = 64 * 1024 * 1024

export interface KeptResponse {
  /** The whole conversation, with the answer. */
  readonly messages: readonly UnitMessage[]
  /** As it was answered. */
  readonly response: object
}

export class KeptResponses {
  readonly #all = new Map<string, { readonly kept: KeptResponse; readonly chars: number }>()
  #chars = 0

  get(id: string): KeptResponse | undefined {
    return this.#all.get(id)?.kept
  }

  /** The oldest are forgotten when there is no room. */
  keep(id: string, kept: KeptResponse): void {
    const chars = charsOf(kept.messages)
    if (chars > CHARS_MAX) return
    this.#all.set(id, { kept, chars })
    this.#chars += chars
    for (const oldest of this.#all.keys()) {
      if (this.#all.size <= RESPONSES_MAX && this.#chars <= CHARS_MAX) break
      this.forget(oldest)
    }
  }

  forget(id: string): boolean {
    const entry = this.#all.get(id)
    this.#chars -= entry?.chars ?? 0
    return this.#all.delete(id)
  }
}

/** Strings are most of a message, and are shared between the responses of one conversation: this counts too much. */
const charsOf = (messages: readonly UnitMessage[]): number =>
  messages.reduce((sum, message) => sum + JSON.stringify(message).length, 0)
