/** Responses that a later one may go on from. They are in memory: a restart of the node forgets them, as the bound does. */

import type { UnitMessage } from './input.ts'

const RESPONSES_MAX = 256
/** Conversations hold pictures, so they are counted by size too. */
const CHARS_MAX = 64 * 1024 * 1024
/** What a field or an item takes besides its own characters. */
const VALUE_CHARS = 16

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

  forget(id: string): void {
    this.#chars -= this.#all.get(id)?.chars ?? 0
    this.#all.delete(id)
  }
}

/** Strings and pictures are most of a message. Responses of one conversation share them, so this counts too much. */
function charsOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  // As JSON, a picture would be ten times its size, and stop the node for seconds.
  if (value instanceof Uint8Array) return value.byteLength
  return value instanceof Object
    ? Object.values(value).reduce((sum, one) => sum + VALUE_CHARS + charsOf(one), 0)
    : 0
}
