/** Which documents the index has, and what of each it does not have yet. */

import type { DocKind } from '../../../interface/memory.ts'
import { type DocName, nameOf } from '../space/batches.ts'
import type { Space } from '../space/space.ts'
import type { Spaces } from '../space/spaces.ts'
import type { EngineEvent } from '../worker/engine.ts'

/** Beyond so many changed keys it is read as a whole. */
const KEYS_MAX = 10_000

/** A walk over a whole document, which goes on in the next call. */
interface Walk {
  readonly steps: Iterator<undefined, void>
  /** Of all documents, when it began: after another drop it begins anew. */
  readonly drops: number
}

export interface IndexedDoc {
  readonly number: number
  readonly space: Space
  /** A {@link DocRef}. */
  readonly name: string
  readonly tag: Uint8Array
  readonly kind: DocKind
  /** Texts of it in the index, and those that there was no room for. */
  texts: number
  left: number
  /** Of its texts. */
  chars: number
  isWhole: boolean
  walk: Walk | undefined
  /** Walks since the last one that came to its end. */
  begun: number
  readonly changed: Set<string>
}

export class IndexedDocs {
  readonly #all: Spaces
  /** By the id of the space; a space that is not here has not been looked at since its documents changed. */
  readonly #listed = new Set<string>()
  readonly #docs = new Map<number, IndexedDoc>()
  readonly #bySpace = new Map<string, readonly IndexedDoc[]>()
  #lastNumber = 0

  constructor(all: Spaces) {
    this.#all = all
  }

  get(number: number): IndexedDoc {
    return this.#docs.get(number)!
  }

  all(): Iterable<IndexedDoc> {
    return this.#docs.values()
  }

  of({ id }: { readonly id: string }): readonly IndexedDoc[] {
    return this.#bySpace.get(id) ?? []
  }

  /** @returns those that are gone: nothing of them may be found. */
  list(space: Space): readonly IndexedDoc[] {
    if (this.#listed.has(space.id)) return []
    this.#listed.add(space.id)
    const names = this.#all.documents.names(space).filter(({ tag }) => !space.isForgotten(tag))
    const keys = new Set(names.map(keyOf))
    const known = this.of(space)
    const gone = known.filter(doc => doc.space !== space || !keys.has(keyOf(doc)))
    const kept = known.filter(doc => !gone.includes(doc))
    const has = new Set(kept.map(keyOf))
    const added = names.filter(one => !has.has(keyOf(one))).map(one => this.#made(space, one))
    for (const doc of added) this.#docs.set(doc.number, doc)
    for (const { number } of gone) this.#docs.delete(number)
    this.#bySpace.set(space.id, [...kept, ...added])
    return gone
  }

  #made(space: Space, { name, tag, kind }: DocName): IndexedDoc {
    const none = { texts: 0, left: 0, chars: 0, isWhole: false, walk: undefined, begun: 0 }
    return { number: ++this.#lastNumber, space, name, tag, kind, ...none, changed: new Set() }
  }

  /** @returns those of a space that is gone. */
  noticed(event: EngineEvent): readonly IndexedDoc[] {
    if (event.type === 'changed') this.#changed(event.change)
    if (event.type !== 'space') return []
    this.#listed.delete(event.space)
    if (!event.gone) return []
    const gone = this.of({ id: event.space })
    for (const { number } of gone) this.#docs.delete(number)
    this.#bySpace.delete(event.space)
    return gone
  }

  #changed({ space, doc, keys }: { space: string; doc: string; keys: readonly string[] | null }): void {
    let isKnown = false
    for (const known of this.of({ id: space })) {
      if (nameOf(known.name) !== doc) continue
      isKnown = true
      if (keys === null || known.kind === 'notes' || known.changed.size > KEYS_MAX) anew(known)
      else for (const key of keys) known.changed.add(key)
    }
    if (!isKnown) this.#listed.delete(space)
  }
}

function anew(doc: IndexedDoc): void {
  doc.isWhole = false
  doc.walk = undefined
  doc.changed.clear()
}

const keyOf = ({ name, kind }: { name: string; kind: DocKind }): string => `${kind} ${name}`
