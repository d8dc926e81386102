/** A typed document: slots, and the rules of its kind over them. */

import { createHash, type Hash } from 'node:crypto'
import type { DocContent, DocKind, MemoryChange, MemoryValue } from '../../../interface/memory.ts'
import { encode } from '../../../protocols/wire/cbor/encode.ts'
import type { ChangeBy, DocItem, DocModel } from '../types.ts'
import { Draft } from './draft.ts'
import { KEYS_NAMED_MAX } from './limits.ts'
import type { SlotBody, SlotRules } from './slot.ts'
import { SLICE } from './slot-slices.ts'
import { Slots } from './slots.ts'
import { deflate, inflate } from './snapshot.ts'

/** What makes a kind of document of slots. Its state is what `added` and `dropped` keep. */
export interface SlotKind<B extends SlotBody> extends SlotRules<B> {
  readonly kind: DocKind
  /** Puts one change into the draft. @throws {InvalidInputError} @returns the id of what it made or named, if it has one. */
  change(change: MemoryChange, draft: Draft<B>, at: number): string | undefined
  /** Readable content, piece by piece, in an order that is the same everywhere. */
  pieces(slots: Slots<B>): Iterable<unknown>
  /** Those since the last time, where none before them has changed. */
  later?(slots: Slots<B>): Iterable<unknown> | undefined
  content(slots: Slots<B>): DocContent
  get(slots: Slots<B>, key: string): MemoryValue | undefined
  /** Of facts: what a slot says. */
  value?(body: B): MemoryValue | undefined
  count(slots: Slots<B>): number
  /** What people call what is in it, and what each is: see {@link DocModel}. */
  names(slots: Slots<B>): Iterable<string>
  items(slots: Slots<B>, name: string): DocItem[]
  /** What people call a key of slots: a task has several. */
  named(key: string): string
}

export class SlotDoc<B extends SlotBody> implements DocModel {
  readonly #kind: SlotKind<B>
  readonly #slots: Slots<B>
  #hashed: Hash | undefined

  readonly #going: () => void

  constructor(
    kind: SlotKind<B>,
    snapshot: Uint8Array | null,
    excluded: ReadonlySet<number>,
    going: () => void = () => {},
    slotsMax?: number
  ) {
    this.#kind = kind
    this.#going = going
    this.#slots = new Slots(kind, excluded, going, slotsMax)
    if (snapshot !== null) this.#slots.load(inflate(snapshot))
  }

  get kind(): DocKind {
    return this.#kind.kind
  }

  change(
    changes: readonly MemoryChange[],
    by: ChangeBy & { readonly at: number }
  ): { update: Uint8Array; ids: readonly string[] } {
    const draft = new Draft(this.#kind, this.#slots, by)
    const ids = changes.flatMap(change => this.#kind.change(change, draft, by.at) ?? [])
    return { update: draft.commit(), ids }
  }

  apply(update: Uint8Array, by: ChangeBy): { keys: readonly string[] | null } {
    const touched = this.#slots.apply(update, by)
    const keys = [...new Set(touched.map(key => this.#kind.named(key)))]
    return { keys: keys.length > KEYS_NAMED_MAX ? null : keys }
  }

  read(): DocContent {
    return this.#kind.content(this.#slots)
  }

  get(key: string): MemoryValue | undefined {
    return this.#kind.get(this.#slots, key)
  }

  names(): Iterable<string> {
    return this.#kind.names(this.#slots)
  }

  items(name: string): DocItem[] {
    return this.#kind.items(this.#slots, name)
  }

  saidOf(key: string): readonly { writer: string; value: MemoryValue | undefined }[] {
    const { value } = this.#kind
    if (value === undefined) return []
    return this.#slots
      .of(key)
      .map(({ client, body }) => ({ writer: this.#slots.writerOf(client), value: value(body) }))
  }

  entries(): number {
    return this.#kind.count(this.#slots)
  }

  bytes(): number {
    return this.#slots.size
  }

  live(): Iterable<readonly [number, number]> {
    return this.#slots.live()
  }

  snapshot(): Uint8Array {
    return deflate(this.#slots.state())
  }

  hash(): Uint8Array {
    const later = this.#hashed === undefined ? undefined : this.#kind.later?.(this.#slots)
    if (later === undefined) this.#hashed = createHash('sha256').update(encode(this.kind))
    let pieces = 0
    for (const piece of later ?? this.#kind.pieces(this.#slots)) {
      this.#hashed!.update(encode(piece))
      if (++pieces % SLICE === 0) this.#going()
    }
    return this.#hashed!.copy().digest()
  }

  close(): void {
    this.#slots.close()
  }
}
