/** The jobs of this home, in `core.db`: what was begun stays begun, and a checkpoint is never lost. */

import type { Database } from '../database/database.ts'

export interface StoredJob {
  readonly id: string
  /** JSON; what it means is not known here. */
  readonly job: string
}

export class JobStore {
  readonly #core: Database

  constructor(core: Database) {
    this.#core = core
  }

  all(): StoredJob[] {
    return this.#core.prepare<StoredJob>('SELECT id, job FROM job').all()
  }

  /** The jobs bound the number of rows. */
  store({ id, job }: StoredJob): void {
    this.#core.prepare('INSERT OR REPLACE INTO job VALUES (?, ?)').run(id, job)
  }

  forget(id: string): void {
    this.#core.prepare('DELETE FROM job WHERE id = ?').run(id)
  }
}
