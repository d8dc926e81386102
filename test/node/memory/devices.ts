/** Devices that write documents and exchange updates in causal order, as the log gives them: without a log. */

import * as Y from 'yjs'
import { LumosError } from '../../../interface/errors.ts'
import type { DocKind, MemoryChange } from '../../../interface/memory.ts'
import { EMPTY_UPDATE, openDoc } from '../../../node/memory/docs/index.ts'
import type { ChangeBy, DocModel } from '../../../node/memory/types.ts'

/** One envelope, as the log has it. */
export interface Sent {
  readonly update: Uint8Array
  readonly by: ChangeBy
  readonly seq: number
  /** How many of each client its writer had. */
  readonly past: ReadonlyMap<number, number>
}

const NONE: ReadonlySet<number> = new Set()

export class Device {
  readonly peerId: string
  readonly client: number
  readonly kind: DocKind
  readonly log: Sent[] = []
  doc: DocModel
  #clock = 0
  readonly #has = new Map<number, number>()

  constructor(kind: DocKind, number: number) {
    this.kind = kind
    this.client = 1000 * number
    this.peerId = `12D3Koo${number}`
    this.doc = openDoc(kind, null, NONE)
  }

  get writer(): string {
    return `${this.peerId}.0123456789ab`
  }

  hash(): string {
    return Buffer.from(this.doc.hash()).toString('hex')
  }

  has(client: number): number {
    return this.#has.get(client) ?? 0
  }

  write(...changes: MemoryChange[]): readonly string[] {
    const by = { writer: this.writer, client: this.client, clock: this.#clock + 1 }
    const past = new Map(this.#has)
    const { update, ids } = this.doc.change(changes, { ...by, at: 1_700_000_000_000 + by.clock })
    if (Buffer.from(update).equals(EMPTY_UPDATE)) return ids
    this.#keep({ update, by, past, seq: this.has(this.client) + 1 })
    return ids
  }

  /** Whether it was new, and all that it depends on is here. */
  take(sent: Sent): boolean {
    if (this.has(sent.by.client) !== sent.seq - 1) return false
    for (const [client, seq] of sent.past) if (this.has(client) < seq) return false
    this.doc.apply(sent.update, sent.by)
    this.#keep(sent)
    return true
  }

  #keep(sent: Sent): void {
    this.log.push(sent)
    this.#has.set(sent.by.client, sent.seq)
    this.#clock = Math.max(this.#clock, sent.by.clock)
  }

  reopened(excluded: ReadonlySet<number> = NONE): DocModel {
    return openDoc(this.kind, this.doc.snapshot(), excluded)
  }

  rebuilt(excluded: ReadonlySet<number> = NONE): DocModel {
    const doc = openDoc(this.kind, null, excluded)
    for (const { update, by } of this.log) doc.apply(update, by)
    return doc
  }

  /** Something that this kind of document takes; which is up to the number. */
  writeSome(number: number): void {
    try {
      this.write(...someChanges(this.kind, number, this.doc, this.client))
    } catch (err) {
      // An id that was used: its entry stays as it is.
      if (!(err instanceof LumosError && err.code === 'INVALID_INPUT')) throw err
    }
  }
}

/** Each gives the others all that they do not have. */
export function meet(devices: readonly Device[]): void {
  for (let moved = true; moved; ) {
    moved = false
    for (const from of devices) {
      for (const to of devices) if (to !== from) for (const sent of from.log) moved = to.take(sent) || moved
    }
  }
}

function someChanges(kind: DocKind, number: number, doc: DocModel, client: number): MemoryChange[] {
  const key = `k${number % 3}`
  switch (kind) {
    case 'facts':
      return [number % 5 === 4 ? { type: 'unset', key } : { type: 'set', key, value: number }]
    case 'journal':
    case 'thread':
      // Ids that all devices use: with the same value, and with another one.
      if (number % 6 === 2) return [{ type: 'append', id: `all-${number % 4}`, value: number % 5 }]
      if (number % 6 === 4) return [{ type: 'remove', id: `all-${number % 4}` }]
      if (number % 5 === 4) return [{ type: 'remove', id: `${client}-${number - 1}` }]
      return [{ type: 'append', id: number % 4 === 3 ? undefined : `${client}-${number}`, value: { number } }]
    case 'tasks': {
      const state = (['open', 'done', 'dropped'] as const)[number % 3]
      if (number % 7 === 6) return [{ type: 'remove', id: key }]
      return [{ type: 'task', id: key, title: `task ${number % 2}`, state }]
    }
    case 'notes': {
      const content = doc.read()
      const length = content.kind === 'notes' ? content.text.length : 0
      const at = (number * 7) % (length + 1)
      const remove = Math.min(number % 4, length - at)
      const edits: MemoryChange[] = [{ type: 'edit', at, remove, insert: `<${number}>` }]
      // In what it has just typed, and at the end.
      if (number % 3 === 1) edits.push({ type: 'edit', at: at + 1, remove: number % 2, insert: 'in' })
      if (number % 3 === 2) edits.push({ type: 'edit', at: 0, remove: 0, insert: 'at' })
      return edits
    }
    default:
      return [{ type: 'update', update: rawUpdate(doc, client, number) }]
  }
}

/** As an editor does: formats, types inside types, deletions, and undo. */
function rawUpdate(doc: DocModel, client: number, number: number): Uint8Array {
  const content = doc.read()
  const own = new Y.Doc()
  if (content.kind === 'raw') Y.applyUpdate(own, content.update)
  own.clientID = client
  const made: Uint8Array[] = []
  own.on('update', (update: Uint8Array) => made.push(update))
  const [text, cells, list] = [own.getText('prose'), own.getMap('cells'), own.getArray('list')]
  const undo = new Y.UndoManager([text, cells, list])
  own.transact(() => {
    text.insert((number * 7) % (text.length + 1), `<${number}>`, number % 2 === 0 ? { bold: true } : {})
    if (text.length > 6) text.delete(number % 5, 2)
    if (text.length > 4) text.format(1, 3, { em: number % 3 === 0 ? null : true })
    writeCell(cells, `c${number % 3}`, number)
    list.insert(number % (list.length + 1), [number, [null, 'x']])
    if (list.length > 3) list.delete(number % 2, 2)
  })
  if (number % 5 === 3) undo.undo()
  if (number % 10 === 3) undo.redo()
  return made.length === 1 ? made[0]! : Y.mergeUpdates(made)
}

function writeCell(cells: Y.Map<unknown>, key: string, number: number): void {
  const cell = cells.get(key)
  if (cell instanceof Y.Text && number % 4 !== 3) cell.insert(number % (cell.length + 1), 'cell')
  else cells.set(key, number % 4 === 3 ? { number } : new Y.Text(`${number}`))
  if (number % 7 === 6) cells.delete(key)
}
