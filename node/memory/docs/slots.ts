/**
 * The slots of one document: for each key, the newest that each writer has said. Over a `Y.Doc`, whose items hold them.
 *
 * A writer never changes what another one wrote. So without the slots of an excluded writer all is as if it had never
 * written, and what is read is a function of the set of slots, in whatever order these came.
 */

import * as Y from 'yjs'
import { LumosError } from '../../../interface/errors.ts'
import { decode } from '../../../protocols/wire/cbor/decode.ts'
import type { ChangeBy } from '../types.ts'
import { invalid, poison } from './invalid.ts'
import { SLOTS_MAX, WRITER_BYTES_MAX } from './limits.ts'
import { bySlotOrder, type Slot, type SlotBody, type SlotRules } from './slot.ts'
import { SLICE, slicesOf } from './slot-slices.ts'
import { checkSlotState, decodeSlotUpdate, encodeSlotUpdate, type SlotUpdate } from './slot-update.ts'

/** What devices have taken apart may be more, once it is together. */
const LOADED_RATIO = 1.5

const full = (slotsMax: number): LumosError =>
  new LumosError(
    'MEMORY_FULL',
    `A document has ${slotsMax} entries at most: begin another one, or remove some.`
  )

/** Yjs keeps each binary item as one, for as long as it is not deleted. */
type BinaryItem = Y.Item & { content: Y.ContentBinary }

export class Slots<B extends SlotBody> {
  // A random id, which is never read, would take most of the time that an empty document does.
  readonly #doc = new Y.Doc({ guid: '' })
  readonly #rules: SlotRules<B>
  readonly #excluded: ReadonlySet<number>
  /** Most keys have a slot of one writer only, and a list for each would take as much as the slot. */
  readonly #byKey = new Map<string, BinaryItem | readonly BinaryItem[]>()
  readonly #writers = new Map<number, { readonly name: string; bytes: number }>()
  readonly #going: () => void
  readonly #slotsMax: number
  #count = 0

  constructor(
    rules: SlotRules<B>,
    excluded: ReadonlySet<number>,
    going: () => void,
    slotsMax: number = SLOTS_MAX
  ) {
    this.#slotsMax = slotsMax
    this.#rules = rules
    this.#excluded = excluded
    this.#going = going
  }

  /** @throws {LumosError} `MEMORY_INVALID` */
  load(state: Uint8Array): void {
    if (checkSlotState(state) > LOADED_RATIO * this.#slotsMax) throw full(this.#slotsMax)
    try {
      for (const slice of slicesOf(state)) {
        Y.applyUpdate(this.#doc, slice)
        this.#going()
      }
    } catch (err) {
      throw invalid('is no state of a document', err)
    }
    const names = new Map<unknown, string>([...this.#doc.share].map(([name, type]) => [type, name]))
    for (const [client, structs] of this.#doc.store.clients) {
      const name = names.get((structs[0] as Y.Item).parent)
      if (name === undefined) throw invalid('has an array without a name')
      this.#writers.set(client, { name, bytes: 0 })
      for (const [n, struct] of structs.entries()) {
        if (!struct.deleted) this.#index(struct as BinaryItem)
        if (n % SLICE === 0) this.#going()
      }
    }
  }

  state(): Uint8Array {
    return Y.encodeStateAsUpdate(this.#doc)
  }

  *keys(): Generator<string> {
    let count = 0
    for (const key of this.#byKey.keys()) {
      if (++count % SLICE === 0) this.#going()
      yield key
    }
  }

  get size(): number {
    let size = 0
    for (const { bytes } of this.#writers.values()) size += bytes
    return size
  }

  /** What a client has here now; of one key. */
  bytesOf(client: number, key?: string): number {
    if (key === undefined) return this.#writers.get(client)?.bytes ?? 0
    return this.#own(key, client)?.content.content.byteLength ?? 0
  }

  *live(): Generator<readonly [client: number, bytes: number]> {
    for (const [client, { bytes }] of this.#writers) yield [client, bytes]
  }

  /** Those of writers that count; the newest is last. */
  of(key: string): Slot<B>[] {
    const slots: Slot<B>[] = []
    for (const item of this.#items(key)) {
      if (!this.#excluded.has(item.id.client)) slots.push(this.#read(item))
    }
    return slots.length < 2 ? slots : slots.sort(bySlotOrder)
  }

  /** PEERID.LIFE of whom a client belongs to. */
  writerOf(client: number): string {
    return this.#writers.get(client)?.name ?? ''
  }

  /** Struct clock of the next slot of a client. */
  next(client: number): number {
    return Y.getState(this.#doc.store, client)
  }

  /** @throws {LumosError} `MEMORY_INVALID`, `MEMORY_POISON` @returns keys that were touched. */
  apply(bytes: Uint8Array, by: ChangeBy): string[] {
    const update = decodeSlotUpdate(bytes, by.writer, by.client, this.next(by.client))
    const touched = this.#check(update, by)
    const more = update.added.length - update.dropped.length
    if (by.isNew === true && more > 0 && this.#count + more > this.#slotsMax) throw full(this.#slotsMax)
    this.#integrate(bytes, update, by)
    return touched
  }

  /** This device's own: each slot takes the place of the one of its key, and keys without a slot lose theirs. */
  put(slots: ReadonlyMap<string, Uint8Array | null>, by: ChangeBy): Uint8Array {
    const added: Uint8Array[] = []
    const dropped: number[] = []
    for (const [key, bytes] of slots) {
      if (bytes !== null) added.push(bytes)
      const own = this.#own(key, by.client)
      if (own !== undefined) dropped.push(own.id.clock)
    }
    const start = this.next(by.client)
    const update = encodeSlotUpdate(by.writer, by.client, {
      start,
      added,
      dropped: dropped.sort((a, b) => a - b)
    })
    this.apply(update, by)
    return update
  }

  close(): void {
    this.#doc.destroy()
  }

  #check(update: SlotUpdate, by: ChangeBy): string[] {
    const known = this.#writers.get(by.client)
    if (known !== undefined && known.name !== by.writer) throw invalid('writes as another writer')
    let bytes = known?.bytes ?? 0
    const touched = new Set<string>()
    const dropped = new Map<number, string>()
    for (const clock of update.dropped) {
      const item = this.#item(by.client, clock)
      if (item.deleted) throw invalid('deletes what is deleted')
      dropped.set(clock, this.#read(item).body.key)
      bytes -= item.content.content.byteLength
    }
    for (const slot of update.added) {
      const body = this.#parse(slot)
      if (body.clock !== by.clock) throw invalid('states a clock of its own')
      if (touched.has(body.key)) throw invalid('has two slots of one key')
      if (this.#rules.allows?.(body, by) === false) throw invalid('has a slot that its writer may not add')
      const own = this.#own(body.key, by.client)
      if (own !== undefined && !dropped.has(own.id.clock)) throw invalid('keeps a slot that it replaces')
      touched.add(body.key)
      bytes += slot.byteLength
    }
    if (bytes > WRITER_BYTES_MAX) {
      throw invalid(`leaves ${bytes} bytes of its writer in one document; the limit is ${WRITER_BYTES_MAX}`)
    }
    for (const key of dropped.values()) touched.add(key)
    return [...touched]
  }

  #integrate(bytes: Uint8Array, { start, added, dropped }: SlotUpdate, by: ChangeBy): void {
    for (const clock of dropped) this.#forget(this.#item(by.client, clock))
    try {
      Y.applyUpdate(this.#doc, bytes)
    } catch (err) {
      throw poison(err)
    }
    if (added.length > 0 && !this.#writers.has(by.client)) {
      this.#writers.set(by.client, { name: by.writer, bytes: 0 })
    }
    added.forEach((_, i) => {
      this.#index(this.#item(by.client, start + i))
    })
  }

  #items(key: string): readonly BinaryItem[] {
    const items = this.#byKey.get(key) ?? []
    return items instanceof Y.Item ? [items] : items
  }

  #own(key: string, client: number): BinaryItem | undefined {
    return this.#items(key).find(({ id }) => id.client === client)
  }

  #item(client: number, clock: number): BinaryItem {
    return Y.getItem(this.#doc.store, Y.createID(client, clock)) as BinaryItem
  }

  #index(item: BinaryItem): void {
    const slot = this.#read(item)
    const { key } = slot.body
    const isOnly = !this.#byKey.has(key)
    this.#count++
    this.#byKey.set(key, isOnly ? item : [...this.#items(key), item])
    this.#writers.get(item.id.client)!.bytes += item.content.content.byteLength
    if (!this.#excluded.has(item.id.client)) this.#rules.added?.(slot, isOnly)
  }

  #forget(item: BinaryItem): void {
    const { key } = this.#read(item).body
    this.#rules.dropped?.()
    this.#count--
    const rest = this.#items(key).filter(other => other !== item)
    if (rest.length === 0) this.#byKey.delete(key)
    else this.#byKey.set(key, rest)
    this.#writers.get(item.id.client)!.bytes -= item.content.content.byteLength
  }

  #read({ id, content }: BinaryItem): Slot<B> {
    return { body: this.#parse(content.content), client: id.client, struct: id.clock }
  }

  #parse(bytes: Uint8Array): B {
    let body: B | undefined
    try {
      const parts = decode(bytes)
      if (Array.isArray(parts)) body = this.#rules.parse(parts)
    } catch (err) {
      throw invalid('holds a slot that is no DAG-CBOR', err)
    }
    if (body === undefined) throw invalid('holds a slot of another kind of document')
    return body
  }
}
