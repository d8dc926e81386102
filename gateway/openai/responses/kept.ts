/** Responses that a later one may go on from. They are in memory: a restart of the node forgets them, as the bound does. */

import type { UnitMessage } from './input.ts'

const RESPONSES_MAX = 256
/** Conversations hold pictures, and responses their tools, so they are counted by size too. */
const SIZE_MAX = 64 * 1024 * 1024
/** What a value counts besides its text or bytes. */
const VALUE_SIZE = 16

export interface KeptResponse {
  /** The whole conversation, with the answer. */
  readonly messages: readonly UnitMessage[]
  /** As it was answered. */
  readonly response: object
}

export class KeptResponses {
  readonly #all = new Map<string, { readonly kept: KeptResponse; readonly size: number }>()
  #size = 0

  get(id: string): KeptResponse | undefined {
    return this.#all.get(id)?.kept
  }

  /** The oldest are forgotten when there is no room. */
  keep(id: string, kept: KeptResponse): void {
    const size = sizeOf(kept)
    if (size > SIZE_MAX) return
    this.#all.set(id, { kept, size })
    this.#size += size
    for (const oldest of this.#all.keys()) {
      if (this.#all.size <= RESPONSES_MAX && this.#size <= SIZE_MAX) break
      this.forget(oldest)
    }
  }

  forget(id: string): boolean {
    const entry = this.#all.get(id)
    this.#size -= entry?.size ?? 0
    return this.#all.delete(id)
  }
}

/**
 * Characters and bytes. A picture is not written as text for that, which would take a second a megabyte. Texts are shared
 * between the responses of one conversation: this counts too much.
 */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return VALUE_SIZE + value.length
  if (value instanceof Uint8Array) return VALUE_SIZE + value.byteLength
  if (typeof value !== 'object' || value === null) return VALUE_SIZE
  let size = VALUE_SIZE
  for (const key in value) size += key.length + sizeOf((value as Record<string, unknown>)[key])
  return size
}
