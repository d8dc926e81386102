/** Envelopes in the order in which they were applied here, and the snapshots that stand for them. */

import type { Database } from '../database/database.ts'
import type { DocFacts, DocRow, EnvelopeRow } from './rows.ts'

const ENVELOPE = 'id, writer, seq, hash, clock, tag, head, signature, box'
/** Of the largest envelopes these are 64 MiB. */
const PAGE_ROWS = 256
const DOC = 'tag, sealed, snapshot, upto, entries, bytes, hash'

export class LogTable {
  readonly #db: Database

  constructor(database: Database) {
    this.#db = database
  }

  append(space: number, row: Omit<EnvelopeRow, 'id'>): number {
    const { writer, seq, hash, clock, tag, head, signature, box } = row
    this.#db
      .prepare(
        `INSERT INTO envelope (space, writer, seq, hash, clock, tag, head, signature, box)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
      )
      .run(space, writer, seq, hash, clock, tag, head, signature, box)
    return this.#db.prepare<{ id: number }>('SELECT last_insert_rowid() AS id').get()!.id
  }

  get(writer: number, seq: number): EnvelopeRow | undefined {
    return this.#db
      .prepare<EnvelopeRow>(`SELECT ${ENVELOPE} FROM envelope WHERE writer = ? AND seq = ?`)
      .get(writer, seq)
  }

  clock(writer: number, seq: number): number | undefined {
    return this.#db
      .prepare<{ clock: number }>('SELECT clock FROM envelope WHERE writer = ? AND seq = ?')
      .get(writer, seq)?.clock
  }

  /** Of a document, in order, those after this one; page by page, for there may be a million. */
  *ofDoc(space: number, tag: Uint8Array, after: number): Generator<EnvelopeRow> {
    const page = this.#db.prepare<EnvelopeRow>(
      `SELECT ${ENVELOPE} FROM envelope WHERE space = ? AND tag = ? AND id > ? ORDER BY id LIMIT ?`
    )
    for (let from = after; ; ) {
      const rows = page.all(space, tag, from, PAGE_ROWS)
      yield* rows
      if (rows.length < PAGE_ROWS) return
      from = rows.at(-1)!.id
    }
  }

  /** Which there are from this one on, without their bytes. */
  index(space: number, from: number, limit: number): Pick<EnvelopeRow, 'id' | 'writer' | 'seq'>[] {
    return this.#db
      .prepare<Pick<EnvelopeRow, 'id' | 'writer' | 'seq'>>(
        'SELECT id, writer, seq FROM envelope WHERE space = ? AND id >= ? ORDER BY id LIMIT ?'
      )
      .all(space, from, limit)
  }

  byId(id: number): EnvelopeRow {
    return this.#db.prepare<EnvelopeRow>(`SELECT ${ENVELOPE} FROM envelope WHERE id = ?`).get(id)!
  }

  newestFirst(space: number, before: number, limit: number): EnvelopeRow[] {
    return this.#db
      .prepare<EnvelopeRow>(
        `SELECT ${ENVELOPE} FROM envelope WHERE space = ? AND id < ? ORDER BY id DESC LIMIT ?`
      )
      .all(space, before, limit)
  }

  /** The first envelope of this writer after a number, for each device that may miss it: where to begin to read. */
  firstAfter(writer: number, seq: number): number | undefined {
    return this.#db
      .prepare<{ id: number }>('SELECT id FROM envelope WHERE writer = ? AND seq > ? ORDER BY seq LIMIT 1')
      .get(writer, seq)?.id
  }

  count(space: number): number {
    return this.#db
      .prepare<{ count: number }>('SELECT count(*) AS count FROM envelope WHERE space = ?')
      .get(space)!.count
  }

  lastId(space: number): number {
    return this.#db
      .prepare<{ id: number }>('SELECT coalesce(max(id), 0) AS id FROM envelope WHERE space = ?')
      .get(space)!.id
  }

  drop(id: number): void {
    this.#db.prepare('DELETE FROM envelope WHERE id = ?').run(id)
  }

  /** All that this device has opened of a space. */
  dropDocs(space: number): void {
    for (const table of ['doc', 'vectors'])
      this.#db.prepare(`DELETE FROM ${table} WHERE space = ?`).run(space)
  }

  dropFrom(writer: number, seq: number): void {
    this.#db.prepare('DELETE FROM envelope WHERE writer = ? AND seq >= ?').run(writer, seq)
  }

  dropUpTo(writer: number, seq: number): void {
    this.#db.prepare('DELETE FROM envelope WHERE writer = ? AND seq <= ?').run(writer, seq)
  }

  /** The boxes of a document that was forgotten; the chains stay whole without them. */
  dropBoxes(space: number, tag: Uint8Array): void {
    this.#db.prepare('UPDATE envelope SET box = NULL WHERE space = ? AND tag = ?').run(space, tag)
    for (const table of ['doc', 'vectors', 'live'])
      this.#db.prepare(`DELETE FROM ${table} WHERE space = ? AND tag = ?`).run(space, tag)
  }

  addProof(writer: number, hash: Uint8Array, wire: Uint8Array): void {
    this.#db.prepare('INSERT OR IGNORE INTO proof VALUES (?, ?, ?)').run(writer, hash, wire)
  }

  dropProofs(writer: number, hash?: Uint8Array): void {
    if (hash === undefined) this.#db.prepare('DELETE FROM proof WHERE writer = ?').run(writer)
    else this.#db.prepare('DELETE FROM proof WHERE writer = ? AND hash = ?').run(writer, hash)
  }

  /** By their hashes. */
  proofs(writer: number): { hash: Uint8Array; wire: Uint8Array }[] {
    return this.#db
      .prepare<{ hash: Uint8Array; wire: Uint8Array }>(
        'SELECT hash, wire FROM proof WHERE writer = ? ORDER BY hash'
      )
      .all(writer)
  }

  docs(space: number): DocRow[] {
    return this.#db.prepare<DocRow>(`SELECT ${DOC} FROM doc WHERE space = ?`).all(space)
  }

  doc(space: number, tag: Uint8Array): DocRow | undefined {
    return this.#db.prepare<DocRow>(`SELECT ${DOC} FROM doc WHERE space = ? AND tag = ?`).get(space, tag)
  }

  /** @param maker of one that is new. */
  putDoc(
    space: number,
    { tag, sealed, snapshot, upto, entries, bytes, hash }: DocRow,
    maker: number | null = null
  ): void {
    this.#db
      .prepare(
        `INSERT INTO doc (space, ${DOC}, maker) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (space, tag) DO UPDATE SET sealed = excluded.sealed, snapshot = excluded.snapshot,
           upto = excluded.upto, entries = excluded.entries, bytes = excluded.bytes, hash = excluded.hash`
      )
      .run(space, tag, sealed, snapshot, upto, entries, bytes, hash, maker)
  }

  /** Of documents to which nothing came since. */
  facts(space: number): DocFacts[] {
    return this.#db
      .prepare<DocFacts>(
        `SELECT tag, hash, entries, bytes FROM doc WHERE space = ? AND hash IS NOT NULL AND NOT EXISTS
           (SELECT 1 FROM envelope WHERE space = doc.space AND tag = doc.tag AND id > doc.upto)`
      )
      .all(space)
  }

  keepFacts(space: number, { tag, upto, hash, entries, bytes }: DocFacts & { upto: number }): void {
    this.#db
      .prepare('UPDATE doc SET upto = ?, hash = ?, entries = ?, bytes = ? WHERE space = ? AND tag = ?')
      .run(upto, hash, entries, bytes, space, tag)
  }

  /** What is known of it no longer holds. */
  staleDoc(space: number, tag: Uint8Array): void {
    this.#db
      .prepare('UPDATE doc SET snapshot = NULL, upto = 0, hash = NULL WHERE space = ? AND tag = ?')
      .run(space, tag)
  }

  /** Pages that are free go back to the file system. */
  giveBack(): void {
    this.#db.prepare('PRAGMA incremental_vacuum').all()
  }

  /** All that there is of a space on disk. */
  bytes(space: number): number {
    return (
      this.heldBytes(space) +
      this.#db
        .prepare<{ bytes: number }>(
          'SELECT coalesce(sum(length(snapshot)), 0) AS bytes FROM doc WHERE space = ?'
        )
        .get(space)!.bytes
    )
  }

  /** What came of writers: without the snapshots that this device makes for itself of the same. */
  heldBytes(space: number): number {
    return this.#db
      .prepare<{ bytes: number }>(
        `SELECT (SELECT coalesce(sum(length(head) + coalesce(length(box), 0) + 200), 0) FROM envelope WHERE space = ?1)
          + (SELECT coalesce(sum(length(bytes)), 0) FROM piece WHERE space = ?1) AS bytes`
      )
      .get(space)!.bytes
  }

  checkpoint(space: number): Uint8Array | undefined {
    return this.#db
      .prepare<{ record: Uint8Array }>('SELECT record FROM checkpoint WHERE space = ?')
      .get(space)?.record
  }

  putCheckpoint(space: number, record: Uint8Array): void {
    this.#db.prepare('INSERT OR REPLACE INTO checkpoint VALUES (?, ?)').run(space, record)
  }

  piece(space: number, hash: Uint8Array): Uint8Array | undefined {
    return this.#db
      .prepare<{ bytes: Uint8Array }>('SELECT bytes FROM piece WHERE space = ? AND hash = ?')
      .get(space, hash)?.bytes
  }

  putPiece(space: number, hash: Uint8Array, bytes: Uint8Array): void {
    this.#db.prepare('INSERT OR IGNORE INTO piece VALUES (?, ?, ?)').run(space, hash, bytes)
  }

  pieces(space: number): Uint8Array[] {
    return this.#db
      .prepare<{ hash: Uint8Array }>('SELECT hash FROM piece WHERE space = ?')
      .all(space)
      .map(({ hash }) => hash)
  }

  dropPiece(space: number, hash: Uint8Array): void {
    this.#db.prepare('DELETE FROM piece WHERE space = ? AND hash = ?').run(space, hash)
  }
}
