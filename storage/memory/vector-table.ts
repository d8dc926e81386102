/** Vectors of texts, some hundreds in a box: what a model made once is not made again after each start. */

import type { Database } from '../database/database.ts'

export class VectorTable {
  readonly #db: Database

  constructor(database: Database) {
    this.#db = database
  }

  add(space: number, tag: Uint8Array, box: Uint8Array): void {
    this.#db.prepare('INSERT INTO vectors (space, tag, box) VALUES (?, ?, ?)').run(space, tag, box)
  }

  of(space: number, tag: Uint8Array): number[] {
    return this.#db
      .prepare<{ id: number }>('SELECT id FROM vectors WHERE space = ? AND tag = ? ORDER BY id')
      .all(space, tag)
      .map(({ id }) => id)
  }

  box(id: number): Uint8Array | undefined {
    return this.#db.prepare<{ box: Uint8Array }>('SELECT box FROM vectors WHERE id = ?').get(id)?.box
  }

  drop(id: number): void {
    this.#db.prepare('DELETE FROM vectors WHERE id = ?').run(id)
  }
}
