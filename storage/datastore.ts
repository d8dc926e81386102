/**
 * libp2p's datastore on `cache.db`, at `datastore(key, value)`: known peers and
 * their addresses, which survive a restart and can be learnt again.
 *
 * A query reads in pages by key range, so no statement stays open while the
 * reader takes its time, and deleting what a query yields is safe.
 */

import { NotFoundError } from '@libp2p/interface'
import { type Batch, type Datastore, Key, type KeyQuery, type Pair, type Query } from 'interface-datastore'
import type { AbortOptions } from '../interface/lifecycle.ts'
import type { Database } from './database.ts'

/** Rows a query holds at once. */
const PAGE_ROWS = 256

type Source<T> = Iterable<T> | AsyncIterable<T>

interface Row {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/** What a query asks for after the prefix, for pairs and for keys alike. */
interface Selection<T> {
  readonly filters?: ((item: T) => boolean)[]
  readonly orders?: ((a: T, b: T) => -1 | 0 | 1)[]
  readonly limit?: number
  readonly offset?: number
}

export class SqliteDatastore implements Datastore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async has(key: Key, options?: AbortOptions): Promise<boolean> {
    options?.signal?.throwIfAborted()
    return this.#database.prepare('SELECT 1 FROM datastore WHERE key = ?').get(key.uint8Array()) !== undefined
  }

  async get(key: Key, options?: AbortOptions): Promise<Uint8Array> {
    options?.signal?.throwIfAborted()
    const row = this.#database.prepare<Row>('SELECT value FROM datastore WHERE key = ?').get(key.uint8Array())
    if (row === undefined) throw new NotFoundError(`Nothing is stored at ${key.toString()}.`)
    return row.value
  }

  async put(key: Key, value: Uint8Array, options?: AbortOptions): Promise<Key> {
    options?.signal?.throwIfAborted()
    this.#put(key, value)
    return key
  }

  async delete(key: Key, options?: AbortOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    this.#delete(key)
  }

  async *getMany(keys: Source<Key>, options?: AbortOptions): AsyncGenerator<Pair> {
    options?.signal?.throwIfAborted()
    for await (const key of keys) yield { key, value: await this.get(key, options) }
  }

  async *putMany(pairs: Source<Pair>, options?: AbortOptions): AsyncGenerator<Key> {
    options?.signal?.throwIfAborted()
    for await (const { key, value } of pairs) yield await this.put(key, value, options)
  }

  async *deleteMany(keys: Source<Key>, options?: AbortOptions): AsyncGenerator<Key> {
    options?.signal?.throwIfAborted()
    for await (const key of keys) {
      await this.delete(key, options)
      yield key
    }
  }

  /** Changes that happen together or not at all, in the order given. */
  batch(): Batch {
    let changes: (() => void)[] = []
    return {
      put: (key, value) => changes.push(() => this.#put(key, value)),
      delete: key => changes.push(() => this.#delete(key)),
      commit: async options => {
        options?.signal?.throwIfAborted()
        this.#database.transaction(() => {
          for (const change of changes) change()
        })
        changes = []
      }
    }
  }

  async *query(query: Query, options?: AbortOptions): AsyncGenerator<Pair> {
    yield* select(this.#rows(query.prefix ?? '', options), query)
  }

  async *queryKeys(query: KeyQuery, options?: AbortOptions): AsyncGenerator<Key> {
    const pairs = this.#rows(query.prefix ?? '', options)
    yield* select(
      pairs.map(pair => pair.key),
      query
    )
  }

  #put(key: Key, value: Uint8Array): void {
    this.#database.prepare('INSERT OR REPLACE INTO datastore VALUES (?, ?)').run(key.uint8Array(), value)
  }

  #delete(key: Key): void {
    this.#database.prepare('DELETE FROM datastore WHERE key = ?').run(key.uint8Array())
  }

  *#rows(prefix: string, options?: AbortOptions): Generator<Pair> {
    const page = this.#database.prepare<Row>(
      `SELECT key, value FROM datastore WHERE key >= ? AND key < ? ORDER BY key LIMIT ${PAGE_ROWS}`
    )
    // Every key starts with a slash.
    let from = Buffer.from(prefix || '/')
    const end = firstAbove(from)

    for (;;) {
      options?.signal?.throwIfAborted()
      const rows = page.all(from, end)
      yield* rows.map(toPair)
      if (rows.length < PAGE_ROWS) return
      // The next key there can be is the last one and a zero byte.
      from = Buffer.concat([rows.at(-1)!.key, Buffer.of(0)])
    }
  }
}

/** The lowest bytes above everything that starts with `prefix`, whose last byte is UTF-8 and so never 0xff. */
function firstAbove(prefix: Uint8Array): Uint8Array {
  const above = Uint8Array.from(prefix)
  above[above.length - 1]! += 1
  return above
}

const toPair = ({ key, value }: Row): Pair => ({ key: new Key(key, false), value })

/** Filtered, sorted by the first order that tells two apart, then `limit` after `offset`. */
function* select<T>(
  items: IteratorObject<T>,
  { filters = [], orders = [], ...range }: Selection<T>
): Generator<T> {
  let selected = items.filter(item => filters.every(filter => filter(item)))
  if (orders.length > 0) {
    const compare = (a: T, b: T) => orders.reduce<number>((found, order) => found || order(a, b), 0)
    selected = selected.toArray().sort(compare).values()
  }
  if (range.offset !== undefined) selected = selected.drop(range.offset)
  if (range.limit !== undefined) selected = selected.take(range.limit)
  yield* selected
}
