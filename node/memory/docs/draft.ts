/** Changes of this device before they are made: each sees those before it, and all or none of them is made. */

import { LumosError } from '../../../interface/errors.ts'
import { encode } from '../../../protocols/wire/cbor/encode.ts'
import type { ChangeBy } from '../types.ts'
import { UPDATE_BYTES_MAX, WRITER_BYTES_MAX } from './limits.ts'
import { bySlotOrder, type Slot, type SlotBody, type SlotRules } from './slot.ts'
import type { Slots } from './slots.ts'

/** Around a slot: its struct, and its deletion later. */
const STRUCT_BYTES = 24

export class Draft<B extends SlotBody> {
  readonly by: ChangeBy
  readonly #rules: SlotRules<B>
  readonly #slots: Slots<B>
  /** Null: the writer's slot of this key goes, and none comes. */
  readonly #made = new Map<string, { readonly slot: Slot<B>; readonly bytes: Uint8Array } | null>()
  #next: number

  constructor(rules: SlotRules<B>, slots: Slots<B>, by: ChangeBy) {
    this.#rules = rules
    this.#slots = slots
    this.by = by
    this.#next = slots.next(by.client)
  }

  /** Slots of a key as they will be; the newest is last. */
  of(key: string): Slot<B>[] {
    const made = this.#made.get(key)
    if (made === undefined) return this.#slots.of(key)
    const others = this.othersOf(key)
    return made === null ? others : [...others, made.slot].sort(bySlotOrder)
  }

  othersOf(key: string): Slot<B>[] {
    return this.#slots.of(key).filter(({ client }) => client !== this.by.client)
  }

  /** An id that no other slot has, for no other envelope has this clock and this client. */
  freshId(): string {
    return [this.by.client, this.by.clock, this.#made.size].map(part => part.toString(36)).join('-')
  }

  /** @param parts what follows the clock. */
  put(...parts: readonly unknown[]): void {
    const all = [this.by.clock, ...parts]
    const body = this.#rules.parse(all)
    if (body === undefined)
      throw new LumosError('INVALID_INPUT', 'A change does not fit its kind of document.')
    const slot = { body, client: this.by.client, struct: this.#next++ }
    // Slots come in the order in which they were put last.
    this.#made.delete(body.key)
    this.#made.set(body.key, { slot, bytes: encode(all) })
  }

  drop(key: string): void {
    this.#made.set(key, null)
  }

  commit(): Uint8Array {
    const slots = new Map<string, Uint8Array | null>()
    const { client } = this.by
    let bytes = 0
    let kept = this.#slots.bytesOf(client)
    for (const [key, made] of this.#made) {
      const size = made?.bytes.byteLength ?? 0
      slots.set(key, made?.bytes ?? null)
      bytes += size + STRUCT_BYTES
      kept += size - this.#slots.bytesOf(client, key)
    }
    if (bytes > UPDATE_BYTES_MAX) {
      throw new LumosError(
        'INPUT_TOO_LARGE',
        `Changes of ${bytes} bytes at once; the limit is ${UPDATE_BYTES_MAX}.`
      )
    }
    if (kept > WRITER_BYTES_MAX) {
      throw new LumosError(
        'MEMORY_FULL',
        `One device has ${WRITER_BYTES_MAX} bytes in one document of memory at most.`,
        { hint: 'Begin another document, or remove some of what this device wrote.' }
      )
    }
    return this.#slots.put(slots, this.by)
  }
}
