/** To whom this node offers its models, where its owner said so while it ran. In `core.db`: it stays said. */

import type { Database } from '../database/database.ts'

/** `access` is JSON; what it means is not known here. */
export interface StoredOffer {
  readonly model: string
  readonly access: string
  readonly withdrawn: boolean
}

export class ModelAccessStore {
  readonly #core: Database

  constructor(core: Database) {
    this.#core = core
  }

  all(): StoredOffer[] {
    return this.#core
      .prepare<{ model: string; access: string; withdrawn: number }>('SELECT * FROM offer')
      .all()
      .map(({ withdrawn, ...offer }) => ({ ...offer, withdrawn: withdrawn === 1 }))
  }

  /** A row for each model that this node ever had, which its owner bounds. */
  store({ model, access, withdrawn }: StoredOffer): void {
    this.#core.prepare('INSERT OR REPLACE INTO offer VALUES (?, ?, ?)').run(model, access, withdrawn ? 1 : 0)
  }

  /** Another mesh has other members: what was withdrawn stays so, what was offered falls back to the settings. */
  forgetOffered(): void {
    this.#core.prepare('DELETE FROM offer WHERE withdrawn = 0').run()
  }
}
