/** Raw documents: a `Y.Doc` of a program or an editor, with any of the shared types of Yjs. */

import { createHash } from 'node:crypto'
import { InvalidInputError } from '../../../interface/errors.ts'
import type { DocContent, MemoryChange } from '../../../interface/memory.ts'
import { encode } from '../../../protocols/wire/cbor/encode.ts'
import type { ChangeBy, DocItem, DocModel } from '../types.ts'
import { invalid } from './invalid.ts'
import { RAW_JUMPS_MAX, RAW_STRUCTS_MAX } from './limits.ts'
import { contentOf } from './raw-content.ts'
import { REF, type Scan } from './scan.ts'
import { EMPTY_UPDATE } from './slot-update.ts'
import { deflate, inflate } from './snapshot.ts'
import { YjsDoc } from './yjs-doc.ts'

/** All that editors write today; no documents inside documents. */
const REFS: ReadonlySet<number> = new Set(Object.values(REF))

export class Raw implements DocModel {
  readonly kind = 'raw'
  readonly #doc: YjsDoc

  constructor(snapshot: Uint8Array | null, excluded: ReadonlySet<number>) {
    const state = snapshot === null ? null : inflate(snapshot)
    this.#doc = new YjsDoc({ refs: REFS, stateRefs: REFS, check }, state, excluded)
  }

  change(changes: readonly MemoryChange[], by: ChangeBy): { update: Uint8Array; ids: readonly string[] } {
    const updates = changes.map(change => {
      if (change.type === 'update') return change.update
      throw new InvalidInputError(`Raw documents know "update", not "${change.type}".`)
    })
    if (updates.length === 0) return { update: EMPTY_UPDATE, ids: [] }
    if (updates.length > 1) throw new InvalidInputError('Raw documents take one update at once.')
    const update = updates[0]!
    this.#doc.apply(update, by)
    return { update, ids: [] }
  }

  apply(update: Uint8Array, by: ChangeBy): { keys: null } {
    this.#doc.apply(update, by)
    return { keys: null }
  }

  read(): DocContent {
    return { kind: 'raw', update: this.#doc.state() }
  }

  names(): Iterable<string> {
    return []
  }

  items(): DocItem[] {
    return []
  }

  get(): undefined {
    return undefined
  }

  saidOf(): [] {
    return []
  }

  entries(): number {
    return this.#doc.doc.share.size
  }

  bytes(): number {
    return this.#doc.bytes
  }

  live(): Iterable<readonly [number, number]> {
    return this.#doc.live()
  }

  snapshot(): Uint8Array {
    return deflate(this.#doc.state())
  }

  hash(): Uint8Array {
    const hash = createHash('sha256').update(encode(this.kind))
    for (const piece of contentOf(this.#doc.doc)) hash.update(piece)
    return hash.digest()
  }

  close(): void {
    this.#doc.doc.destroy()
  }
}

/** A struct that does not follow on the one before may cost a walk over all that was written at its place. */
function check({ structs }: Scan): void {
  if (structs.length > RAW_STRUCTS_MAX) {
    throw invalid(`holds ${structs.length} structs; the limit is ${RAW_STRUCTS_MAX}`)
  }
  const jumps = structs.filter(
    ({ client, clock, origin, right }) =>
      (origin !== null || right !== null) && !(origin?.client === client && origin.clock === clock - 1)
  ).length
  if (jumps > RAW_JUMPS_MAX) {
    throw invalid(`holds ${jumps} structs at other places; the limit is ${RAW_JUMPS_MAX}`)
  }
}
