/** Notes: one text, which Yjs merges. What was typed at one place at once is there one after the other, never mixed. */

import { createHash } from 'node:crypto'
import type * as Y from 'yjs'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import type { DocContent, MemoryChange } from '../../../interface/memory.ts'
import { encode } from '../../../protocols/wire/cbor/encode.ts'
import type { ChangeBy, DocItem, DocModel } from '../types.ts'
import { invalid } from './invalid.ts'
import { NOTE_EDITS_MAX, TEXT_STRUCTS_MAX, UPDATE_BYTES_MAX, WRITER_BYTES_MAX } from './limits.ts'
import { REF, type Scan } from './scan.ts'
import { deflate, inflate } from './snapshot.ts'
import { editsOf } from './text-edits.ts'
import { YjsDoc } from './yjs-doc.ts'

const ROOT = 'text'
const REFS: ReadonlySet<number> = new Set([REF.string, REF.deleted])
/** Around a text: its struct and the runs of what it replaces. */
const EDIT_BYTES = 64
/** Below this, deletions fit an update however the text was written: each unit may be a run of its own. */
const REMOVED_SURELY_FITS = 8192
const RUN_BYTES = 16

/** Of what was looked for, in an error. */
const FIND_SHOWN = 64

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
    const edits = this.#checked(this.#editsOf(changes))
    const removed = edits.reduce((sum, { remove }) => sum + remove, 0)
    checkSize(edits, removed)
    this.#checkUnits(edits, by.client)
    const before = removed > REMOVED_SURELY_FITS ? this.#doc.state() : null
    const update = this.#edit(edits, by.client)
    if (update.byteLength > UPDATE_BYTES_MAX && before !== null) {
      this.#doc = this.#open(before)
      throw tooLarge(update.byteLength, UPDATE_BYTES_MAX)
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

  /** Of a whole text, what differs. */
  #editsOf(changes: readonly MemoryChange[]): readonly MemoryChange[] {
    const [only] = changes
    if (changes.length > 1 || only?.type !== 'text') return changes
    return editsOf(this.#text.toString(), only.text, NOTE_EDITS_MAX)
  }

  /** Other devices refuse what is beyond, and all that its writer writes after it. What was deleted counts too. */
  #checkUnits(edits: readonly Edit[], client: number): void {
    const units = edits.reduce((sum, { insert }) => sum + insert.length, this.#doc.end(client))
    if (units <= WRITER_BYTES_MAX) return
    throw new LumosError(
      'MEMORY_FULL',
      `This device has written ${WRITER_BYTES_MAX} characters in these notes, which is the most.`,
      { hint: 'Begin another document with what is to stay.' }
    )
  }

  #checked(changes: readonly MemoryChange[]): readonly Edit[] {
    if (changes.length > NOTE_EDITS_MAX) {
      throw new InvalidInputError(`Notes take ${NOTE_EDITS_MAX} edits at once at most.`)
    }
    let text = this.#text.toString()
    return changes.map(change => {
      const edit = change.type === 'replace' ? placed(change, text) : change
      if (edit.type !== 'edit')
        throw new InvalidInputError(`Notes know "edit", "replace" and one whole "text", not "${edit.type}".`)
      const { at, remove, insert } = edit
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
      return edit
    })
  }
}

/** Where it stands, which must be one place. */
function placed({ find, insert }: Extract<MemoryChange, { type: 'replace' }>, text: string): Edit {
  const at = find === '' ? -1 : text.indexOf(find)
  if (at !== -1 && !text.includes(find, at + 1)) return { type: 'edit', at, remove: find.length, insert }
  const shown = JSON.stringify(find.slice(0, FIND_SHOWN))
  throw new InvalidInputError(
    at === -1
      ? `The notes do not have ${shown}: read them again.`
      : `The notes have ${shown} in several places: find more of what is around it.`
  )
}

function checkSize(edits: readonly Edit[], removed: number): void {
  const bytes = edits.reduce((sum, { insert }) => sum + Buffer.byteLength(insert) + EDIT_BYTES, 0)
  const most = UPDATE_BYTES_MAX - RUN_BYTES * Math.min(removed, REMOVED_SURELY_FITS)
  if (bytes > most) throw tooLarge(bytes, most)
}

const isInsideCharacter = (text: string, at: number): boolean =>
  at > 0 && at < text.length && text.codePointAt(at - 1)! > 0xffff

const tooLarge = (bytes: number, most: number): LumosError =>
  new LumosError('INPUT_TOO_LARGE', `Edits of ${bytes} bytes at once; the limit is ${most} here.`, {
    hint: 'Write the first part of the text, then all of it.'
  })

function check({ structs }: Scan): void {
  if (structs.length > TEXT_STRUCTS_MAX) {
    throw invalid(`holds ${structs.length} structs; the limit is ${TEXT_STRUCTS_MAX}`)
  }
  for (const { parent, key } of structs) {
    if (key !== null || (parent !== null && parent !== ROOT))
      throw invalid('writes beside the text of its notes')
  }
}
