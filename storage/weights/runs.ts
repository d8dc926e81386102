/** How the last run of the store ended: one that was killed has not said that it was clean. */

import type { Random } from '../../interface/clock.ts'
import type { Database } from '../database/database.ts'

const ID_BYTES = 16

interface Row {
  readonly id: string
  readonly run: number
  readonly clean: number
}

export class Runs {
  readonly #db: Database
  readonly id: string
  /** Of the store; each start is one. */
  readonly run: number
  /** The last one, when it did not end as it should. */
  readonly unclean: number | undefined
  #begun = false

  constructor(database: Database, random: Random) {
    this.#db = database
    const row = database.prepare<Row>('SELECT * FROM store').get()
    this.id = row?.id ?? newId(random)
    this.run = (row?.run ?? 0) + 1
    this.unclean = row?.clean === 0 ? row.run : undefined
    if (row !== undefined) this.begin()
  }

  /** From now on a kill shows. */
  begin(): void {
    if (this.#begun) return
    this.#begun = true
    this.#db.prepare('INSERT OR REPLACE INTO store VALUES (1, ?, ?, 0)').run(this.id, this.run)
  }

  end(): void {
    this.#db.prepare('UPDATE store SET clean = 1').run()
  }
}

/** Tells two stores apart, and is no secret. */
const newId = (random: Random): string =>
  Array.from({ length: ID_BYTES }, () =>
    Math.floor(random() * 256)
      .toString(16)
      .padStart(2, '0')
  ).join('')
