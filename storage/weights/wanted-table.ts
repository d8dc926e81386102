/** How many copies of which repositories the mesh is to have, as this device has heard. */

import type { Database } from '../database/database.ts'

/** More models than a mesh of one group of people keeps several copies of. */
const WANTED_MAX = 256

export interface WantedRow {
  readonly cid: string
  readonly name: string
  readonly bytes: number
  readonly copies: number
  /** Wall time of the device on which it was said: of two, the later one counts. */
  readonly atMs: number
  /** The device that stated it to this one. */
  readonly teller: string
  /** The owner of this device wants no copy here. */
  readonly refused: number
  /** When each holder was last seen, as JSON. */
  readonly seen: string
}

export class WantedTable {
  readonly #db: Database

  constructor(database: Database) {
    this.#db = database
  }

  all(): WantedRow[] {
    return this.#db
      .prepare<WantedRow>('SELECT cid, name, bytes, copies, at_ms AS atMs, teller, refused, seen FROM wanted')
      .all()
  }

  /** Of too many, those of the device that stated most of them go, the oldest first. */
  put({ cid, name, bytes, copies, atMs, teller }: Omit<WantedRow, 'refused' | 'seen'>): void {
    this.#db.transaction(() => {
      this.#db
        .prepare(
          `INSERT INTO wanted (cid, name, bytes, copies, at_ms, teller) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (cid) DO UPDATE SET name = excluded.name, bytes = excluded.bytes, copies = excluded.copies,
           at_ms = excluded.at_ms, teller = excluded.teller`
        )
        .run(cid, name, bytes, copies, atMs, teller)
      this.#db
        .prepare(
          `DELETE FROM wanted WHERE cid IN (
             SELECT cid FROM wanted WHERE (SELECT count(*) FROM wanted) > ?1
             AND teller = (SELECT teller FROM wanted GROUP BY teller ORDER BY count(*) DESC, teller LIMIT 1)
             ORDER BY at_ms LIMIT 1
           )`
        )
        .run(WANTED_MAX)
    })
  }

  refuse(cid: string, refused: boolean): void {
    this.#db.prepare('UPDATE wanted SET refused = ? WHERE cid = ?').run(Number(refused), cid)
  }

  saw(cid: string, seen: string): void {
    this.#db.prepare('UPDATE wanted SET seen = ? WHERE cid = ?').run(seen, cid)
  }
}
