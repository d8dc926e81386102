/**
 * What notes and raw documents share: a `Y.Doc` that other devices change, whose content Yjs merges.
 *
 * Here an update refers to what others wrote. What it refers to is there when the log gives it, unless its writer lies about what
 * it had seen: it must wait then, on every device alike, for a refusal here and not there would part them.
 */

import * as Y from 'yjs'
import type { ChangeBy } from '../types.ts'
import { UpdateReader, UpdateWriter } from './bytes.ts'
import { invalid, poison, waits } from './invalid.ts'
import { UPDATE_BYTES_MAX, WRITER_BYTES_MAX } from './limits.ts'
import { namesNeighbours } from './neighbours.ts'
import { checkOwn, type Scan, type StructId, scanUpdate } from './scan.ts'

export interface YjsRules {
  /** Structs that updates may hold. */
  readonly refs: ReadonlySet<number>
  /** Structs that a state may hold: what was deleted too. */
  readonly stateRefs: ReadonlySet<number>
  /** @throws {LumosError} `MEMORY_INVALID`. By the update alone. */
  check(scan: Scan): void
}

export class YjsDoc {
  readonly doc = new Y.Doc({ guid: '' })
  readonly #rules: YjsRules
  readonly #excluded: ReadonlySet<number>
  #bytes = 0

  constructor(rules: YjsRules, state: Uint8Array | null, excluded: ReadonlySet<number>) {
    this.#rules = rules
    this.#excluded = excluded
    if (state !== null) this.#load(state)
  }

  get bytes(): number {
    return this.#bytes
  }

  /** This device has written in `doc` by itself. */
  grew(bytes: number): void {
    this.#bytes += bytes
  }

  state(): Uint8Array {
    const state = Y.encodeStateAsUpdate(this.doc)
    this.#bytes = state.byteLength
    return state
  }

  *live(): Generator<readonly [client: number, bytes: number]> {
    for (const [client, structs] of this.doc.store.clients) {
      const encoder = new Y.UpdateEncoderV1()
      for (const struct of structs) struct.write(encoder, 0)
      yield [client, encoder.toUint8Array().byteLength]
    }
  }

  end(client: number): number {
    return Y.getState(this.doc.store, client)
  }

  /** @throws {LumosError} `MEMORY_INVALID`, `MEMORY_POISON` */
  apply(update: Uint8Array, { client }: ChangeBy): void {
    const scan = this.check(update, client)
    try {
      if (this.#excluded.has(client)) this.#applyHidden(update, scan, client)
      else Y.applyUpdate(this.doc, update)
    } catch (err) {
      throw poison(err)
    }
    this.#mustBeWhole()
    this.#bytes += update.byteLength
  }

  check(update: Uint8Array, client: number): Scan {
    if (update.byteLength > UPDATE_BYTES_MAX) {
      throw invalid(`has ${update.byteLength} bytes; the limit is ${UPDATE_BYTES_MAX}`)
    }
    const scan = scanUpdate(new UpdateReader(update), this.#rules.refs)
    const start = this.end(client)
    const end = checkOwn(scan.structs, client, start)
    if (end > WRITER_BYTES_MAX) throw invalid(`is beyond the ${WRITER_BYTES_MAX} units of its writer`)
    for (const struct of scan.structs) {
      for (const id of [struct.origin, struct.right, struct.parent]) {
        if (id !== null && typeof id !== 'string') this.#mustBeThere(id, client, struct.clock)
      }
    }
    for (const { client: whose, clock, length } of scan.deletes) {
      this.#mustBeThere({ client: whose, clock: clock + length - 1 }, client, end)
    }
    this.#rules.check(scan)
    if (!namesNeighbours(scan.structs, client, start, this.doc)) {
      throw invalid('puts an item between what are no neighbours')
    }
    return scan
  }

  /** Deletes what a client has said, without a trace in any update. */
  #hide(client: number, clock: number, length: number): void {
    if (length === 0) return
    const out = new UpdateWriter().uint(0).uint(1).uint(client).uint(1).uint(clock).uint(length)
    Y.applyUpdate(this.doc, out.finish())
  }

  /** Others may have written beside what an excluded writer wrote; what it deleted is not deleted. */
  #applyHidden(update: Uint8Array, scan: Scan, client: number): void {
    const start = this.end(client)
    Y.applyUpdate(this.doc, new UpdateWriter().raw(update.subarray(0, scan.structBytes)).uint(0).finish())
    this.#hide(client, start, this.end(client) - start)
  }

  #mustBeThere(id: StructId, own: number, end: number): void {
    if (id.client === own) {
      if (id.clock >= end) throw invalid('refers to what its writer has not written')
    } else if (id.clock >= this.end(id.client)) throw waits()
  }

  #mustBeWhole(): void {
    const { pendingStructs, pendingDs } = this.doc.store
    if (pendingStructs !== null || pendingDs !== null) throw poison(new Error('a part of it was left'))
  }

  #load(state: Uint8Array): void {
    const scan = scanUpdate(new UpdateReader(state), this.#rules.stateRefs)
    if (
      scan.structs.some(
        ({ clock }, i) => clock > 0 && scan.structs[i - 1]?.client !== scan.structs[i]!.client
      )
    ) {
      throw invalid('does not begin where its writer began')
    }
    try {
      Y.applyUpdate(this.doc, state)
      this.#mustBeWhole()
    } catch (err) {
      throw invalid('is no state of a document', err)
    }
    for (const client of this.#excluded) this.#hide(client, 0, this.end(client))
    this.#bytes = state.byteLength
  }
}
