/** Devices that write documents and exchange updates in causal order, as the log gives them: without a log. */

import * as Y from 'yjs'
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
    this.write(...someChanges(this.kind, number, this.doc, this.client))
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
      return [{ type: 'edit', at, remove: Math.min(number % 4, length - at), insert: `<${number}>` }]
    }
    default:
      return [{ type: 'update', update: rawUpdate(doc, client, number) }]
  }
}

function rawUpdate(doc: DocModel, client: number, number: number): Uint8Array {
  const content = doc.read()
  const own = new Y.Doc()
  if (content.kind === 'raw') Y.applyUpdate(own, content.update)
  own.clientID = client
  let update = EMPTY_UPDATE
  own.on('update', (made: Uint8Array) => {
    update = made
  })
  own.transact(() => {
    const text = own.getText('prose')
    text.insert((number * 7) % (text.length + 1), `<${number}>`, number % 2 === 0 ? { bold: true } : {})
    own.getMap('cells').set(`c${number % 3}`, number % 4 === 3 ? new Y.Array() : { number })
    if (number % 5 === 4) own.getArray('list').insert(0, [number, [null, 'x']])
    if (text.length > 6) text.delete(number % 5, 2)
  })
  return update
}
