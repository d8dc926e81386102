/** A slot of a document: what one writer has said last of one key. */

import type { ChangeBy } from '../types.ts'

/** What a kind of document reads in the bytes of a slot: DAG-CBOR of a list that begins with the clock. */
export interface SlotBody {
  readonly key: string
  readonly clock: number
}

export interface Slot<B extends SlotBody> {
  readonly body: B
  readonly client: number
  /** Its clock in Yjs: rises with each slot of a client. */
  readonly struct: number
}

export interface SlotRules<B extends SlotBody> {
  /** Undefined where these parts are no slot of the kind. */
  parse(parts: readonly unknown[]): B | undefined
  /** Whether this writer may say it. */
  allows?(body: B, by: ChangeBy): boolean
  /** Each slot that comes, of writers that count. @param isOnly whether its key has no other. */
  added?(slot: Slot<B>, isOnly: boolean): void
  /** A slot went, or what showed may show no more. */
  dropped?(): void
}

/** The order in which what was said counts: by clock, then by client, then as its writer said it. */
export const bySlotOrder = (a: Slot<SlotBody>, b: Slot<SlotBody>): number =>
  a.body.clock - b.body.clock || a.client - b.client || a.struct - b.struct
