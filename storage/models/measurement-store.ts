/** What was measured of models on this device. In `cache.db`: it can be measured again. */

import type { Database } from '../database/database.ts'

/** More than a node offers, each with a few; what was measured longest ago is forgotten. */
const ROWS_MAX = 2048

export class MeasurementStore {
  readonly #cache: Database

  constructor(cache: Database) {
    this.#cache = cache
  }

  /** Undefined for what was never measured, or on another basis, such as other files. */
  of(model: string, what: string, basis: string): unknown {
    const row = this.#cache
      .prepare<{ value: string }>('SELECT value FROM measurement WHERE model = ? AND what = ? AND basis = ?')
      .get(model, what, basis)
    return row === undefined ? undefined : JSON.parse(row.value)
  }

  keep(model: string, what: string, basis: string, value: unknown): void {
    this.#cache
      .prepare('INSERT OR REPLACE INTO measurement (model, what, basis, value) VALUES (?, ?, ?, ?)')
      .run(model, what, basis, JSON.stringify(value))
    this.#cache
      .prepare(
        'DELETE FROM measurement WHERE id <= (SELECT id FROM measurement ORDER BY id DESC LIMIT 1 OFFSET ?)'
      )
      .run(ROWS_MAX)
  }
}
