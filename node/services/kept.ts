/** What an owner said of services while the node ran: it stays said. */

import type { Database } from '../../storage/database/database.ts'
import type { FeatureTables } from '../../storage/database/feature-database.ts'

export const SERVICE_TABLES: FeatureTables = {
  migrations: [
    'CREATE TABLE said (service TEXT PRIMARY KEY, enabled INTEGER NOT NULL) STRICT',
    'CREATE TABLE created (service TEXT PRIMARY KEY, model TEXT NOT NULL, runtime TEXT NOT NULL, source TEXT) STRICT'
  ],
  scopes: { said: 'home', created: 'home' }
}

export interface CreatedRow {
  readonly service: string
  readonly model: string
  readonly runtime: string
  readonly source: string | null
}

export class KeptServices {
  readonly #database: Database
  /** Whether its owner started or stopped it last. */
  readonly said: Map<string, boolean>

  constructor(database: Database) {
    this.#database = database
    const rows = database
      .prepare<{ service: string; enabled: number }>('SELECT service, enabled FROM said')
      .all()
    this.said = new Map(rows.map(({ service, enabled }) => [service, enabled === 1]))
  }

  created(): CreatedRow[] {
    return this.#database.prepare<CreatedRow>('SELECT * FROM created ORDER BY service').all()
  }

  create({ service, model, runtime, source }: CreatedRow): void {
    this.#database.prepare('INSERT INTO created VALUES (?, ?, ?, ?)').run(service, model, runtime, source)
  }

  delete(service: string): void {
    this.#database.prepare('DELETE FROM created WHERE service = ?').run(service)
    this.#database.prepare('DELETE FROM said WHERE service = ?').run(service)
    this.said.delete(service)
  }

  say(service: string, enabled: boolean): void {
    this.#database.prepare('INSERT OR REPLACE INTO said VALUES (?, ?)').run(service, enabled ? 1 : 0)
    this.said.set(service, enabled)
  }
}
