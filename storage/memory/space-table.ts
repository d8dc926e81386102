/** Spaces, their charters, and what is known of the devices that write in them. */

import type { Database } from '../database/database.ts'
import type { LiveRow, SpaceRow, WriterRow } from './rows.ts'

const WRITER = 'id, device, life, client, seq, hash, clock, frozen'

/** The giver of a key that came from a device which only carries: all of those share one place, since none can know the key. */
export const NO_READER = ''

export class SpaceTable {
  readonly #db: Database

  constructor(database: Database) {
    this.#db = database
  }

  /** What the file was when a life was last chosen in it. */
  get file(): string | undefined {
    return this.#db.prepare<{ file: string }>('SELECT file FROM home').get()?.file
  }

  set file(file: string) {
    this.#db.prepare('INSERT OR REPLACE INTO home VALUES (1, ?)').run(file)
  }

  all(): SpaceRow[] {
    return this.#db.prepare<SpaceRow>('SELECT id, name, sealed, life, gone FROM space ORDER BY id').all()
  }

  add(space: Omit<SpaceRow, 'id' | 'gone'>): number {
    const { name, sealed, life } = space
    this.#db.prepare('INSERT INTO space (name, sealed, life) VALUES (?, ?, ?)').run(name, sealed, life)
    return this.#db.prepare<{ id: number }>('SELECT id FROM space WHERE name = ?').get(name)!.id
  }

  keepSealed(id: number, sealed: Uint8Array): void {
    this.#db.prepare('UPDATE space SET sealed = ? WHERE id = ?').run(sealed, id)
  }

  keepLife(id: number, life: string): void {
    this.#db.prepare('UPDATE space SET life = ? WHERE id = ?').run(life, id)
  }

  /** All of it but its charters, which say to others that it is gone. */
  empty(id: number, sealed: Uint8Array): void {
    for (const table of [
      'writer',
      'envelope',
      'doc',
      'checkpoint',
      'piece',
      'acknowledged',
      'vectors',
      'live',
      'carried_key'
    ])
      this.#db.prepare(`DELETE FROM ${table} WHERE space = ?`).run(id)
    this.#db.prepare('UPDATE space SET gone = 1, sealed = ? WHERE id = ?').run(sealed, id)
  }

  charters(space: number, from: number): Uint8Array[] {
    return this.#db
      .prepare<{ record: Uint8Array }>(
        'SELECT record FROM charter WHERE space = ? AND version >= ? ORDER BY version'
      )
      .all(space, from)
      .map(({ record }) => record)
  }

  /** Of those before this version. */
  charterBytes(space: number, below: number): number {
    return this.#db
      .prepare<{ bytes: number }>(
        'SELECT coalesce(sum(length(record)), 0) AS bytes FROM charter WHERE space = ? AND version < ?'
      )
      .get(space, below)!.bytes
  }

  newestCharter(space: number): Uint8Array {
    return this.#db
      .prepare<{ record: Uint8Array }>(
        'SELECT record FROM charter WHERE space = ? ORDER BY version DESC LIMIT 1'
      )
      .get(space)!.record
  }

  /** In the place of one of this version and all after it. */
  putCharter(space: number, version: number, record: Uint8Array): void {
    this.#db.prepare('DELETE FROM charter WHERE space = ? AND version >= ?').run(space, version)
    this.#db.prepare('INSERT INTO charter VALUES (?, ?, ?)').run(space, version, record)
  }

  writers(space: number): WriterRow[] {
    return this.#db.prepare<WriterRow>(`SELECT ${WRITER} FROM writer WHERE space = ? ORDER BY id`).all(space)
  }

  addWriter(space: number, device: string, life: string, client: number): number {
    this.#db
      .prepare(
        'INSERT INTO writer (space, device, life, client, seq, hash, clock) VALUES (?, ?, ?, ?, 0, zeroblob(32), 0)'
      )
      .run(space, device, life, client)
    return this.#db
      .prepare<{ id: number }>('SELECT id FROM writer WHERE space = ? AND client = ?')
      .get(space, client)!.id
  }

  moveHead({ id, seq, hash, clock, frozen }: Omit<WriterRow, 'device' | 'life' | 'client'>): void {
    this.#db
      .prepare('UPDATE writer SET seq = ?, hash = ?, clock = ?, frozen = ? WHERE id = ?')
      .run(seq, hash, clock, frozen, id)
  }

  acknowledge(space: number, device: string, atMs: number, heads: Uint8Array): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?, ?)')
      .run(space, device, atMs, heads)
  }

  acknowledged(space: number): { device: string; atMs: number; heads: Uint8Array }[] {
    return this.#db
      .prepare<{ device: string; atMs: number; heads: Uint8Array }>(
        'SELECT device, at_ms AS atMs, heads FROM acknowledged WHERE space = ?'
      )
      .all(space)
  }

  /** A key that `giver` has sealed to `device`. Of each device the newest few givers are kept, readers before others. */
  carryKey(space: number, device: string, giver: string, sealed: Uint8Array, giversMax: number): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO carried_key VALUES (?, ?, ?, ?)')
      .run(space, device, giver, sealed)
    this.#db
      .prepare(
        `DELETE FROM carried_key WHERE space = ?1 AND device = ?2 AND rowid NOT IN
          (SELECT rowid FROM carried_key WHERE space = ?1 AND device = ?2
            ORDER BY giver = '', rowid DESC LIMIT ?3)`
      )
      .run(space, device, giversMax)
  }

  /** Those of readers first, and of them the newest. */
  carriedKeys(space: number, device?: string): { device: string; sealed: Uint8Array }[] {
    const where = device === undefined ? '' : 'AND device = ?'
    return this.#db
      .prepare<{ device: string; sealed: Uint8Array }>(
        `SELECT device, sealed FROM carried_key WHERE space = ? ${where} ORDER BY giver = '', rowid DESC`
      )
      .all(space, ...(device === undefined ? [] : [device]))
  }

  dropCarriedKeys(space: number): void {
    this.#db.prepare('DELETE FROM carried_key WHERE space = ?').run(space)
  }

  addPoison(hash: Uint8Array, why: string): void {
    this.#db.prepare('INSERT OR IGNORE INTO poison VALUES (?, ?)').run(hash, why)
  }

  poison(): { hash: Uint8Array; why: string }[] {
    return this.#db.prepare<{ hash: Uint8Array; why: string }>('SELECT hash, why FROM poison').all()
  }

  /** Of each writer: its envelopes, and what it has in the checkpoint. */
  bytesOfWriters(space: number): LiveRow[] {
    return this.#db
      .prepare<LiveRow>(
        `SELECT writer, sum(bytes) AS bytes FROM (
           SELECT writer, length(head) + coalesce(length(box), 0) + 200 AS bytes FROM envelope WHERE space = ?1
           UNION ALL SELECT writer, bytes FROM live WHERE space = ?1)
         GROUP BY writer`
      )
      .all(space)
  }

  /** In the place of those of the checkpoint before. */
  putLive(
    space: number,
    docs: readonly { readonly tag: Uint8Array; readonly live: readonly LiveRow[] }[]
  ): void {
    this.#db.prepare('DELETE FROM live WHERE space = ?').run(space)
    const add = this.#db.prepare('INSERT OR REPLACE INTO live VALUES (?, ?, ?, ?)')
    for (const { tag, live } of docs) for (const { writer, bytes } of live) add.run(space, tag, writer, bytes)
  }

  docsMadeBy(space: number, device: string): number {
    return this.#db
      .prepare<{ count: number }>(
        `SELECT count(*) AS count FROM doc JOIN writer ON writer.id = doc.maker
         WHERE doc.space = ? AND writer.device = ?`
      )
      .get(space, device)!.count
  }
}
