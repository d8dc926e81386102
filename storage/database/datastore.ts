/**
 * libp2p's datastore on `cache.db`, at `datastore(key, value)`: known peers and
 * their addresses, which survive a restart and can be learnt again.
 *
 * A query reads in pages by key range, so no statement stays open while the
 * reader takes its time, and deleting what a query yields is safe.
 *
 * libp2p writes here for each stream it opens, so a full disk must not make that
 * fail: what cannot be stored is kept in mind, up to a bound, until `flush`
 * finds that the disk takes it.
 */

import { NotFoundError } from '@libp2p/interface'
import { type Batch, type Datastore, Key, type KeyQuery, type Pair, type Query } from 'interface-datastore'
import { LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { Database } from './database.ts'
import { isRefusal } from './failure.ts'

/** Rows a query holds at once. */
const PAGE_ROWS = 256
/** Pairs kept in mind while the disk refuses: several for each peer of the largest mesh, a few MiB at most. */
const UNSAVED_MAX = 4096

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

/** A value, or null for a key that was deleted. */
interface Change {
  readonly key: Key
  readonly value: Uint8Array | null
}

export class SqliteDatastore implements Datastore {
  readonly #database: Database
  /** Newer than what is stored, by key. */
  readonly #unsaved = new Map<string, Change>()

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * Store what was kept in mind.
   *
   * @throws {LumosError} `STORE_FULL` or `STORE_FAILED` while the disk refuses.
   */
  flush(): void {
    if (this.#unsaved.size === 0) return
    this.#store([...this.#unsaved.values()])
    this.#unsaved.clear()
  }

  async has(key: Key, options?: AbortOptions): Promise<boolean> {
    options?.signal?.throwIfAborted()
    return this.#value(key) !== undefined
  }

  async get(key: Key, options?: AbortOptions): Promise<Uint8Array> {
    options?.signal?.throwIfAborted()
    const value = this.#value(key)
    if (value === undefined) throw new NotFoundError(`Nothing is stored at ${key.toString()}.`)
    return value
  }

  async put(key: Key, value: Uint8Array, options?: AbortOptions): Promise<Key> {
    options?.signal?.throwIfAborted()
    this.#change([{ key, value }])
    return key
  }

  async delete(key: Key, options?: AbortOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    this.#change([{ key, value: null }])
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
    let changes: Change[] = []
    return {
      put: (key, value) => changes.push({ key, value }),
      delete: key => changes.push({ key, value: null }),
      commit: async options => {
        options?.signal?.throwIfAborted()
        this.#change(changes)
        changes = []
      }
    }
  }

  async *query(query: Query, options?: AbortOptions): AsyncGenerator<Pair> {
    yield* select(this.#pairs(query.prefix ?? '', options), query)
  }

  async *queryKeys(query: KeyQuery, options?: AbortOptions): AsyncGenerator<Key> {
    const pairs = this.#pairs(query.prefix ?? '', options)
    yield* select(
      pairs.map(pair => pair.key),
      query
    )
  }

  #value(key: Key): Uint8Array | undefined {
    const unsaved = this.#unsaved.get(key.toString())
    if (unsaved !== undefined) return unsaved.value ?? undefined
    return this.#database
      .prepare<Pick<Row, 'value'>>('SELECT value FROM datastore WHERE key = ?')
      .get(key.uint8Array())?.value
  }

  #change(changes: readonly Change[]): void {
    // What is newer than something kept in mind must not be stored before it.
    try {
      if (this.#unsaved.size > 0) this.#keep(changes)
      else this.#store(changes)
    } catch (err) {
      if (!isRefusal(err) || this.#unsaved.size > 0) throw err
      this.#keep(changes)
    }
  }

  /** @throws {LumosError} `STORE_FULL` when too much is kept already. */
  #keep(changes: readonly Change[]): void {
    if (this.#unsaved.size + changes.length > UNSAVED_MAX) {
      throw new LumosError('STORE_FULL', 'The disk is full, and more cannot be kept in memory.')
    }
    for (const change of changes) this.#unsaved.set(change.key.toString(), change)
  }

  #store(changes: readonly Change[]): void {
    const storeOne = ({ key, value }: Change) => {
      const at = key.uint8Array()
      if (value === null) this.#database.prepare('DELETE FROM datastore WHERE key = ?').run(at)
      else this.#database.prepare('INSERT OR REPLACE INTO datastore VALUES (?, ?)').run(at, value)
    }
    // One statement is a transaction already.
    if (changes.length === 1) storeOne(changes[0]!)
    else this.#database.transaction(() => changes.forEach(storeOne))
  }

  *#pairs(prefix: string, options?: AbortOptions): Generator<Pair> {
    // A copy: a reader may change what it reads, and a flush may come in between.
    const unsaved = new Map(this.#unsaved)
    for (const { key, value } of unsaved.values()) {
      if (value !== null && key.toString().startsWith(prefix)) yield { key, value }
    }
    for (const pair of this.#rows(prefix, options)) if (!unsaved.has(pair.key.toString())) yield pair
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
