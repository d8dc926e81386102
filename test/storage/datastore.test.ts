/**
 * The datastore must pass the compliance suite of its interface. The suite is
 * written for mocha and for a build tool's bundle of chai; vitest's globals and
 * a few additions to vitest's own chai stand in for both.
 */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Key } from 'interface-datastore'
import { afterAll, afterEach, beforeAll, beforeEach, chai, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../storage/database/database.ts'
import { SqliteDatastore } from '../../storage/database/datastore.ts'
import { CACHE_MIGRATIONS } from '../../storage/database/schema.ts'
import { temporaryHome } from './home.ts'

const open = (home: string): Database =>
  openDatabase(join(home, 'cache.db'), { migrations: CACHE_MIGRATIONS, synchronous: 'NORMAL' })

chai.use(({ Assertion }) => {
  const asMethod = (name: string, check: (value: unknown) => boolean) => {
    // A function, not an arrow: chai passes itself as `this`.
    function method(this: Chai.AssertionStatic, message?: string) {
      this.assert(
        check(this._obj),
        message ?? `expected #{this} ${name}`,
        `expected #{this} not ${name}`,
        true
      )
    }
    Object.defineProperty(Assertion.prototype, name, { value: method })
  }
  asMethod('true', value => value === true)
  asMethod('false', value => value === false)
  asMethod('exist', value => value != null)

  Assertion.addProperty('eventually', () => {})
  Assertion.addProperty('rejected', function () {
    const property = (name: string) => ({
      that: {
        include: (text: string) =>
          (this._obj as Promise<unknown>).then(
            () => assert.fail('expected a rejection'),
            err => assert.ok(err[name].includes(text), `${err[name]} includes ${text}`)
          )
      }
    })
    return { with: { property } }
  })
})

const mochaContext = { timeout: () => {} }
Object.assign(globalThis, {
  describe,
  it: (name: string, test: (this: unknown) => unknown) =>
    it(name, async () => void (await test.call(mochaContext))),
  before: beforeAll,
  after: afterAll,
  beforeEach,
  afterEach,
  suiteChai: chai
})
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'aegir/chai'
      ? { url: 'data:text/javascript,export const { expect } = globalThis.suiteChai', shortCircuit: true }
      : next(specifier, context)
})
const { interfaceDatastoreTests } = await import('interface-datastore-tests')

describe('the datastore', () => {
  describe('complies with its interface', () => {
    const opened = new Map<SqliteDatastore, { database: Database; home: string }>()
    interfaceDatastoreTests({
      setup() {
        // The suite also calls this where no test runs yet.
        const home = mkdtempSync(join(tmpdir(), 'lumos-test-'))
        const database = open(home)
        const store = new SqliteDatastore(database)
        opened.set(store, { database, home })
        return store
      },
      teardown(store: SqliteDatastore) {
        const { database, home } = opened.get(store)!
        database.close()
        rmSync(home, { recursive: true })
      }
    })
  })

  it('keeps what it was given through a restart', async () => {
    const home = temporaryHome()
    const key = new Key('/peers/abc')
    const first = open(home)
    await new SqliteDatastore(first).put(key, Uint8Array.of(1, 2, 3))
    first.close()

    using second = open(home)
    assert.deepEqual(await new SqliteDatastore(second).get(key), Uint8Array.of(1, 2, 3))
  })

  it('finds by prefix exactly the keys that start with it, in order', async () => {
    const segment = fc.string({
      minLength: 1,
      maxLength: 3,
      unit: fc.constantFrom('a', 'b', 'é', '😀', '\uffff', '.')
    })
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map(parts => `/${parts.join('/')}`)

    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(path, { maxLength: 30 }), path, async (paths, prefix) => {
        using database = open(temporaryHome())
        const store = new SqliteDatastore(database)
        for (const each of paths) await store.put(new Key(each), Buffer.from(each))

        const found = await Array.fromAsync(store.query({ prefix }), pair => pair.key.toString())

        const expected = paths.filter(each => each.startsWith(prefix))
        assert.deepEqual(
          found,
          expected.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        )
      }),
      { numRuns: 25 }
    )
  })

  it('yields every key once over many pages while each is deleted', async () => {
    using database = open(temporaryHome())
    const store = new SqliteDatastore(database)
    const batch = store.batch()
    for (let n = 0; n < 1000; n++) batch.put(new Key(`/many/${n}`), Uint8Array.of(1))
    await batch.commit()

    let seen = 0
    for await (const key of store.queryKeys({ prefix: '/many' })) {
      seen += 1
      await store.delete(key)
    }

    assert.equal(seen, 1000)
    assert.deepEqual(await Array.fromAsync(store.queryKeys({})), [])
  })

  it('commits a batch whole or not at all', async () => {
    using database = open(temporaryHome())
    const store = new SqliteDatastore(database)
    const batch = store.batch()
    batch.put(new Key('/one'), Uint8Array.of(1))
    batch.put(new Key('/two'), 'no bytes' as unknown as Uint8Array)

    await expect(batch.commit()).rejects.toThrow()

    assert.equal(await store.has(new Key('/one')), false)
  })

  it('keeps in mind what a full disk refuses, and stores it once there is space', async () => {
    using database = open(temporaryHome())
    const store = new SqliteDatastore(database)
    const stored = (key: string) =>
      database.prepare('SELECT 1 FROM datastore WHERE key = ?').get(Buffer.from(key)) !== undefined
    await store.put(new Key('/old'), Uint8Array.of(1))
    await store.put(new Key('/gone'), Uint8Array.of(1))
    const { page_count: pages } = database.prepare<{ page_count: number }>('PRAGMA page_count').get()!
    database.prepare(`PRAGMA max_page_count = ${pages}`).get()

    const large = new Uint8Array(100_000).fill(7)
    await store.put(new Key('/new'), large)
    await store.put(new Key('/old'), Uint8Array.of(2))
    await store.delete(new Key('/gone'))

    assert.deepEqual([stored('/new'), stored('/gone')], [false, true])
    assert.deepEqual(await store.get(new Key('/new')), large)
    assert.equal(await store.has(new Key('/gone')), false)
    const found = await Array.fromAsync(store.query({}), ({ key, value }) => `${key} ${value[0]}`)
    assert.deepEqual(found.sort(), ['/new 7', '/old 2'])
    assert.throws(() => store.flush(), { code: 'STORE_FULL' })

    database.prepare('PRAGMA max_page_count = 1000000').get()
    store.flush()
    assert.deepEqual([stored('/new'), stored('/gone')], [true, false])
    assert.deepEqual(await store.get(new Key('/old')), Uint8Array.of(2))
  })

  it('searches by index, not through the table', () => {
    using database = open(temporaryHome())
    const [plan] = database
      .prepare<{ detail: string }>(
        'EXPLAIN QUERY PLAN SELECT key, value FROM datastore WHERE key >= ? AND key < ? ORDER BY key LIMIT 256'
      )
      .all(Buffer.from('/a'), Buffer.from('/b'))
    assert.match(plan!.detail, /^SEARCH datastore USING PRIMARY KEY/)
  })
})
