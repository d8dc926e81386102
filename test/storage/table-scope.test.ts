import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type Database, openDatabase } from '../../storage/database/database.ts'
import { CORE_MIGRATIONS, CORE_TABLES, type TableScope } from '../../storage/database/schema.ts'
import { MeshStore } from '../../storage/mesh/mesh-store.ts'

const meshCalled = (id: string) => ({ id, name: id, namedAtMs: 1, chain: [new Uint8Array([1])] })

function withCore(migrations: readonly string[], use: (core: Database) => void): void {
  const home = mkdtempSync(join(tmpdir(), 'lumos-scope-'))
  try {
    using core = openDatabase(join(home, 'core.db'), { migrations, synchronous: 'FULL' })
    use(core)
  } finally {
    rmSync(home, { recursive: true })
  }
}

it('every table of core.db says whether it is of the home or of the mesh', () => {
  withCore(CORE_MIGRATIONS, core => {
    const tables = core.prepare<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
    expect(Object.keys(CORE_TABLES).sort()).toEqual(tables.map(({ name }) => name).sort())
  })
})

it.each<[TableScope, number]>([
  ['mesh', 0],
  ['home', 1]
])('a new table of scope %s has %i rows after a change of mesh', (scope, rows) => {
  withCore([...CORE_MIGRATIONS, 'CREATE TABLE note (text TEXT PRIMARY KEY) STRICT'], core => {
    const store = new MeshStore(core, { ...CORE_TABLES, note: scope })
    const count = () => core.prepare('SELECT * FROM note').all().length
    store.enter(meshCalled('first'))
    core.prepare("INSERT INTO note VALUES ('hello')").run()

    store.enter(meshCalled('first'))
    expect(count()).toBe(1)
    store.enter(meshCalled('second'))
    expect(count()).toBe(rows)
    expect(store.mesh()?.id).toBe('second')
  })
})
