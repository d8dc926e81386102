/**
 * The tables of one feature, in a database of its own, so that no two features share migrations.
 *
 * Tables of the scope `mesh` hold what is of one mesh. The database knows of which: a node that was killed after it had
 * entered another mesh, and before the feature knew, forgets the old one at its next start.
 */

import type { Database } from './database.ts'
import type { TableScope } from './schema.ts'

export interface FeatureTables {
  /** Each is run once, in order, for ever: only append. */
  readonly migrations: readonly string[]
  /** Every table that they make. */
  readonly scopes: Readonly<Record<string, TableScope>>
  /** The feature can do without what is in them: a damaged file is set aside, and a power cut may take the last commits. */
  readonly rebuildable?: true
}

const MESH_TABLE = `CREATE TABLE of_mesh (
  only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
  id TEXT NOT NULL
) STRICT`

export const featureMigrations = ({ migrations }: FeatureTables): readonly string[] => [
  MESH_TABLE,
  ...migrations
]

export class FeatureDatabase {
  readonly database: Database
  readonly #ofMesh: readonly string[]

  /** @param database made by {@link featureMigrations}. */
  constructor(database: Database, { scopes }: FeatureTables) {
    this.database = database
    this.#ofMesh = Object.keys(scopes).filter(table => scopes[table] === 'mesh')
  }

  /** Hold what is of this mesh from now on; what was of another one is forgotten in the same commit. */
  enter(mesh: string): void {
    const { database } = this
    const known = database.prepare<{ id: string }>('SELECT id FROM of_mesh').get()
    if (known?.id === mesh) return
    database.transaction(() => {
      for (const table of this.#ofMesh) database.prepare(`DELETE FROM ${table}`).run()
      database.prepare('INSERT OR REPLACE INTO of_mesh (only_one, id) VALUES (1, ?)').run(mesh)
    })
  }
}
