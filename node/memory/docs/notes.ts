/** Notes: one text, which Yjs merges. What was typed at one place at once is there one after the other, never mixed. */

import { createHash } from 'node:crypto'
import type * as Y from 'yjs'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { DocContent, MemoryChange } from '../../../interface/memory.ts'
import { encode } from '../../../protocols/wire/cbor/encode.ts'
import type { ChangeBy, DocItem, DocModel } from '../types.ts'
import { invalid } from './invalid.ts'
import { NOTE_EDITS_MAX, TEXT_STRUCTS_MAX, UPDATE_BYTES_MAX } from './limits.ts'
import { REF, type Scan } from './scan.ts'
import { deflate, inflate } from './snapshot.ts'
import { YjsDoc } from './yjs-doc.ts'

const ROOT = 'text'
const REFS: ReadonlySet<number> = new Set([REF.string, REF.deleted])
/** Around a text: its struct and the runs of what it replaces. */
const EDIT_BYTES = 64
/** Below this, deletions fit an update however the text was written. */
const REMOVED_SURELY_FITS = 8192

type Edit = Extract<MemoryChange, { type: 'edit' }>

export class Notes implements DocModel {
  readonly kind = 'notes'
  readonly #excluded: ReadonlySet<number>
  #doc: YjsDoc

  constructor(snapshot: Uint8Array | null, excluded: ReadonlySet<number>) {
    this.#excluded = excluded
    this.#doc = this.#open(snapshot === null ? null : inflate(snapshot))
  }

  change(changes: readonly MemoryChange[], by: ChangeBy): { update: Uint8Array; ids: readonly string[] } {
    const edits = this.#checked(changes)
    const removed = edits.reduce((sum, { remove }) => sum + remove, 0)
    const before = removed > REMOVED_SURELY_FITS ? this.#doc.state() : null
    const update = this.#edit(edits, by.client)
    if (update.byteLength > UPDATE_BYTES_MAX && before !== null) {
      this.#doc = this.#open(before)
      throw tooLarge(update.byteLength)
    }
    this.#doc.grew(update.byteLength)
    return { update, ids: [] }
  }

  apply(update: Uint8Array, by: ChangeBy): { keys: null } {
    this.#doc.apply(update, by)
    return { keys: null }
  }

  read(): DocContent {
    return { kind: 'notes', text: this.#text.toString() }
  }

  names(): Iterable<string> {
    return ['']
  }

  items(): DocItem[] {
    return [{ value: this.#text.toString(), writer: null, at: null }]
  }

  get(): undefined {
    return undefined
  }

  /** Lines, for who counts. */
  saidOf(): [] {
    return []
  }

  entries(): number {
    const text = this.#text.toString()
    return text === '' ? 0 : text.split('\n').length
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
    return createHash('sha256').update(encode(this.kind)).update(this.#text.toString()).digest()
  }

  close(): void {
    this.#doc.doc.destroy()
  }

  get #text(): Y.Text {
    return this.#doc.doc.getText(ROOT)
  }

  #open(state: Uint8Array | null): YjsDoc {
    return new YjsDoc({ refs: REFS, stateRefs: REFS, check }, state, this.#excluded)
  }

  #edit(edits: readonly Edit[], client: number): Uint8Array {
    const { doc } = this.#doc
    let update: Uint8Array = Uint8Array.of(0, 0)
    const keep = (made: Uint8Array): void => {
      update = made
    }
    doc.clientID = client
    doc.on('update', keep)
    doc.transact(() => {
      for (const { at, remove, insert } of edits) {
        if (remove > 0) this.#text.delete(at, remove)
        if (insert !== '') this.#text.insert(at, insert)
      }
    })
    doc.off('update', keep)
    return update
  }

  #checked(changes: readonly MemoryChange[]): readonly Edit[] {
    if (changes.length > NOTE_EDITS_MAX) {
      throw new InvalidInputError(`Notes take ${NOTE_EDITS_MAX} edits at once at most.`)
    }
    let text = this.#text.toString()
    let bytes = 0
    const edits = changes.map(change => {
      if (change.type !== 'edit') throw new InvalidInputError(`Notes know "edit", not "${change.type}".`)
      const { at, remove, insert } = change
      const end = at + remove
      if (
        !(Number.isInteger(at) && Number.isInteger(remove) && at >= 0 && remove >= 0 && end <= text.length)
      ) {
        throw new InvalidInputError(`An edit goes beyond the ${text.length} units of the text.`)
      }
      if (isInsideCharacter(text, at) || isInsideCharacter(text, end) || !insert.isWellFormed()) {
        throw new InvalidInputError('An edit cuts a character in half.')
      }
      text = text.slice(0, at) + insert + text.slice(end)
      bytes += Buffer.byteLength(insert) + EDIT_BYTES
      return change
    })
    if (bytes > UPDATE_BYTES_MAX - 16 * REMOVED_SURELY_FITS) throw tooLarge(bytes)
    return edits
  }
}

const isInsideCharacter = (text: string, at: number): boolean =>
  at > 0 && at < text.length && text.codePointAt(at - 1)! > 0xffff

const tooLarge = (bytes: number): LumosError =>
  new LumosError('INPUT_TOO_LARGE', `Edits of ${bytes} bytes at once; the limit is ${UPDATE_BYTES_MAX}.`)

function check({ structs }: Scan): void {
  if (structs.length > TEXT_STRUCTS_MAX) {
    throw invalid(`holds ${structs.length} structs; the limit is ${TEXT_STRUCTS_MAX}`)
  }
  for (const { parent, key } of structs) {
    if (key !== null || (parent !== null && parent !== ROOT))
      throw invalid('writes beside the text of its notes')
  }
}
