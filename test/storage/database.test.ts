import assert from 'node:assert/strict'
import { mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../storage/database/database.ts'
import { writeFileDurably } from '../../storage/database/durable-file.ts'
import { smallDisk, temporaryHome } from './home.ts'

const FIRST = 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)'
const SECOND = "ALTER TABLE note ADD COLUMN colour TEXT NOT NULL DEFAULT 'white'"

const open = (
  path: string,
  migrations: readonly string[] = [FIRST],
  synchronous: 'FULL' | 'NORMAL' = 'FULL'
) => openDatabase(path, { migrations, synchronous })

const notes = (database: Database) =>
  database.prepare<{ text: string }>('SELECT * FROM note ORDER BY id').all()
const add = (database: Database, text: string) =>
  database.prepare('INSERT INTO note (text) VALUES (?)').run(text)
const pragma = (database: Database, name: string) =>
  Object.values(database.prepare<object>(`PRAGMA ${name}`).get()!)[0]

describe('a database', () => {
  it('counts its writes, those that were taken back too', () => {
    using database = open(join(temporaryHome(), 'core.db'))
    const counts = [database.writes]
    const counted = (work: () => unknown) => {
      work()
      counts.push(database.writes)
    }

    counted(() => notes(database))
    counted(() => add(database, 'one'))
    counted(() =>
      assert.throws(() =>
        database.transaction(() => {
          add(database, 'two')
          counts.push(database.writes)
          throw new Error('taken back')
        })
      )
    )

    const [first, read, ...written] = counts
    assert.equal(read, first)
    assert.equal(new Set([read, ...written]).size, 4)
  })

  it('has the settings that durability needs', () => {
    const home = temporaryHome()
    using core = open(join(home, 'core.db'))
    using cache = open(join(home, 'cache.db'), [FIRST], 'NORMAL')

    assert.equal(pragma(core, 'journal_mode'), 'wal')
    assert.equal(pragma(core, 'synchronous'), 2)
    assert.equal(pragma(cache, 'synchronous'), 1)
    assert.equal(pragma(core, 'foreign_keys'), 1)
    assert.equal(pragma(core, 'auto_vacuum'), 2)
    assert.equal(pragma(core, 'user_version'), 1)
    assert.equal(Number(pragma(core, 'application_id')).toString(16), '6c756d6f')
  })

  it('writes all of a transaction or nothing of it', () => {
    using database = open(join(temporaryHome(), 'core.db'))

    assert.throws(
      () =>
        database.transaction(() => {
          add(database, 'half')
          throw new Error('changed my mind')
        }),
      /changed my mind/
    )
    database.transaction(() => add(database, 'whole'))

    assert.deepEqual(
      notes(database).map(({ text }) => text),
      ['whole']
    )
  })

  it('is migrated once, after a copy of it was made', () => {
    const path = join(temporaryHome(), 'core.db')
    using old = open(path)
    add(old, 'kept')
    old.close()

    for (let round = 0; round < 2; round++) {
      using migrated = open(path, [FIRST, SECOND])
      assert.deepEqual({ ...notes(migrated)[0] }, { id: 1, text: 'kept', colour: 'white' })
    }

    using copy = open(`${path}.v1.bak`)
    assert.deepEqual({ ...notes(copy)[0] }, { id: 1, text: 'kept' })
    assert.equal(statSync(`${path}.v1.bak`).mode & 0o777, 0o600)
  })

  it('stays at its version when a migration fails', () => {
    const path = join(temporaryHome(), 'core.db')
    using old = open(path)
    add(old, 'kept')
    old.close()

    assert.throws(() => open(path, [FIRST, SECOND, 'INSERT INTO nowhere VALUES (1)']), /nowhere/)

    using again = open(path)
    assert.deepEqual({ ...notes(again)[0] }, { id: 1, text: 'kept' })
  })

  it('of a newer version is refused and not changed', () => {
    const path = join(temporaryHome(), 'core.db')
    open(path, [FIRST, SECOND]).close()
    const before = readFileSync(path)

    assert.throws(() => open(path), { code: 'HOME_NEWER', details: { found: 2, supported: 1 } })

    assert.deepEqual(readFileSync(path), before)
  })

  it('of another program is refused', () => {
    const path = join(temporaryHome(), 'core.db')
    const foreign = new DatabaseSync(path)
    foreign.exec('PRAGMA application_id = 7; CREATE TABLE theirs (x)')
    foreign.close()
    assert.throws(() => open(path), { code: 'STORE_DAMAGED', message: /another program/ })
  })

  it('with a page of rubbish in its middle is refused', () => {
    const path = join(temporaryHome(), 'core.db')
    using database = open(path)
    database.transaction(() => {
      for (let n = 0; n < 500; n++) add(database, 'x'.repeat(100))
    })
    database.close()
    writeSync(openSync(path, 'r+'), Buffer.alloc(4096, 0xa5), 0, 4096, 4096 * 3)

    assert.throws(() => open(path), { code: 'STORE_DAMAGED' })
  })
})

describe('on a full disk', () => {
  it('a write fails with STORE_FULL, what was stored is kept, and freeing space cures it', context => {
    const disk = smallDisk(1)
    context.skip(
      disk === undefined,
      'cannot mount a small disk here; the limit on pages below stands in for it'
    )
    const path = join(disk!, 'core.db')
    using database = open(path)
    add(database, 'kept')
    writeFileSync(join(disk!, 'ballast'), Buffer.alloc(300 * 1024))

    assert.throws(() => fill(database), { code: 'STORE_FULL' })
    const count = notes(database).length
    assert.equal(notes(database)[0]!.text, 'kept')
    assert.throws(() => open(join(disk!, 'other.db')), { code: 'STORE_FULL' })
    assert.throws(() => writeFileDurably(join(disk!, 'token'), Buffer.alloc(64 * 1024)), {
      code: 'STORE_FULL'
    })

    rmSync(join(disk!, 'ballast'))
    add(database, 'after')
    assert.equal(notes(database).length, count + 1)
    database.close()
    using again = open(path)
    assert.equal(notes(again).length, count + 1)
  })

  it('or at a limit on pages, a transaction leaves nothing half done', () => {
    using database = open(join(temporaryHome(), 'core.db'))
    add(database, 'kept')
    database.prepare('PRAGMA max_page_count = 20').get()

    assert.throws(() => database.transaction(() => fill(database)), { code: 'STORE_FULL' })

    assert.equal(notes(database).length, 1)
  })

  function fill(database: Database): void {
    for (let n = 0; n < 2000; n++) add(database, 'x'.repeat(1000))
  }
})

describe('a durable file', () => {
  it('replaces the old one whole and leaves no draft, not even that of a killed process', () => {
    const home = temporaryHome()
    const path = join(home, 'token')
    writeFileSync(`${path}.tmp`, 'draft', { mode: 0o644 })

    writeFileDurably(path, 'one')
    writeFileDurably(path, 'two')

    assert.equal(readFileSync(path, 'utf8'), 'two')
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.throws(() => statSync(`${path}.tmp`))
  })

  it('that cannot be written leaves the old one', async () => {
    const home = temporaryHome()
    mkdirSync(join(home, 'token'))
    writeFileSync(join(home, 'token', 'inside'), '')
    expect(() => writeFileDurably(join(home, 'token'), 'new')).toThrow()
    assert.equal(readFileSync(join(home, 'token', 'inside'), 'utf8'), '')
  })
})
