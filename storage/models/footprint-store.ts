/** What models took in memory when they were loaded last. In `cache.db`: it can be measured again. */

import type { Database } from '../database/database.ts'

/** More than a node offers; models that left long ago are forgotten. */
const ROWS_MAX = 1024

export class FootprintStore {
  readonly #cache: Database

  constructor(cache: Database) {
    this.#cache = cache
  }

  /** Undefined for a model that was never loaded, or whose files have another length now. */
  bytesOf(model: string, fileBytes: number): number | undefined {
    return this.#cache
      .prepare<{ bytes: number }>('SELECT bytes FROM footprint WHERE model = ? AND file_bytes = ?')
      .get(model, fileBytes)?.bytes
  }

  keep(model: string, fileBytes: number, bytes: number): void {
    this.#cache
      .prepare('INSERT OR REPLACE INTO footprint (model, file_bytes, bytes) VALUES (?, ?, ?)')
      .run(model, fileBytes, Math.round(bytes))
    this.#cache
      .prepare(
        'DELETE FROM footprint WHERE id <= (SELECT id FROM footprint ORDER BY id DESC LIMIT 1 OFFSET ?)'
      )
      .run(ROWS_MAX)
  }
}
