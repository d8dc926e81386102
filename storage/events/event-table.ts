/** Events on disk, in their order. Text in, text out: what an event means is known above. */

import type { Database } from '../database/database.ts'
import type { FeatureTables } from '../database/feature-database.ts'

/** Rows that one transaction removes: some milliseconds. What is left goes with the next one. */
const REMOVED_MAX = 1000

export interface EventRow {
  readonly epoch: string
  readonly sequence: number
  readonly atMs: number
  readonly name: string
  readonly correlation: string | null
  /** JSON. */
  readonly data: string
}

export interface StoredEvent extends EventRow {
  readonly id: number
}

export interface EventWhere {
  readonly names?: readonly string[] | undefined
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
  readonly correlation?: string | undefined
}

export const EVENT_TABLES: FeatureTables = {
  rebuildable: true,
  migrations: [
    `CREATE TABLE event (
      id INTEGER PRIMARY KEY,
      epoch TEXT NOT NULL,
      sequence INTEGER NOT NULL,
      at_ms INTEGER NOT NULL,
      domain TEXT NOT NULL,
      name TEXT NOT NULL,
      correlation TEXT,
      data TEXT NOT NULL
    ) STRICT;
    CREATE INDEX event_at ON event (at_ms);
    CREATE INDEX event_domain ON event (domain);
    CREATE UNIQUE INDEX event_place ON event (epoch, sequence);
    CREATE INDEX event_correlation ON event (correlation) WHERE correlation IS NOT NULL`
  ],
  // A peer of another mesh may read events: it must not learn of this one.
  scopes: { event: 'mesh' }
}

const COLUMNS = 'id, epoch, sequence, at_ms AS atMs, name, correlation, data'
const domainOf = (name: string): string => name.slice(0, name.indexOf('.'))

export class EventTable {
  readonly #database: Database
  /** Rows of each domain; known after the first use. */
  #counts: Map<string, number> | undefined

  constructor(database: Database) {
    this.#database = database
  }

  /** Writes all of them or, when it throws, none; then removes what is over the limits. */
  add(rows: readonly EventRow[], limits: { readonly keptSinceMs: number; readonly rowsMax: number }): void {
    const insert = this.#database.prepare(
      `INSERT OR IGNORE INTO event (epoch, sequence, at_ms, domain, name, correlation, data)
       VALUES (?, ?, ?, ?, ?, ?, ?)`
    )
    try {
      this.#database.transaction(() => {
        const counts = this.#counted()
        for (const { epoch, sequence, atMs, name, correlation, data } of rows) {
          const domain = domainOf(name)
          insert.run(epoch, sequence, atMs, domain, name, correlation, data)
          counts.set(domain, (counts.get(domain) ?? 0) + 1)
        }
        this.#removeOld(limits.keptSinceMs)
        this.#removeMost(limits.rowsMax)
      })
    } catch (thrown) {
      this.#counts = undefined
      throw thrown
    }
  }

  /** The oldest first, after the row `after`. */
  find({ names, sinceMs, untilMs, correlation }: EventWhere, after: number, limit: number): StoredEvent[] {
    if (names?.length === 0) return []
    const parts: string[] = []
    const values: (string | number)[] = []
    const must = (part: string, value: string | number | undefined) => {
      if (value === undefined) return
      parts.push(part)
      values.push(value)
    }
    must('id > ?', after)
    must('at_ms >= ?', sinceMs)
    must('at_ms <= ?', untilMs)
    must('correlation = ?', correlation)
    // As one value, so that there are few statements.
    must('name IN (SELECT value FROM json_each(?))', names && JSON.stringify(names))
    const sql = `SELECT ${COLUMNS} FROM event WHERE ${parts.join(' AND ')} ORDER BY id LIMIT ?`
    return this.#database.prepare<StoredEvent>(sql).all(...values, limit)
  }

  /**
   * The row after which those after a place of its epoch come; nothing for an epoch of which there is none.
   *
   * `isFirst`: no row of the epoch is at the place or before it, so that rows after it may have been removed.
   */
  before(epoch: string, sequence: number): { id: number; isFirst: boolean } | undefined {
    const row = this.#database
      .prepare<{ id: number }>(
        'SELECT id FROM event WHERE epoch = ? AND sequence <= ? ORDER BY sequence DESC LIMIT 1'
      )
      .get(epoch, sequence)
    if (row !== undefined) return { id: row.id, isFirst: false }
    const first = this.#database
      .prepare<{ id: number }>('SELECT id FROM event WHERE epoch = ? ORDER BY sequence LIMIT 1')
      .get(epoch)
    return first && { id: first.id - 1, isFirst: true }
  }

  get count(): number {
    return [...this.#counted().values()].reduce((sum, count) => sum + count, 0)
  }

  #counted(): Map<string, number> {
    this.#counts ??= new Map(
      this.#database
        .prepare<{ domain: string; count: number }>(
          'SELECT domain, count(*) AS count FROM event GROUP BY domain'
        )
        .all()
        .map(({ domain, count }) => [domain, count])
    )
    return this.#counts
  }

  #removeOld(keptSinceMs: number): void {
    const { count } = this.#database
      .prepare<{ count: number }>('SELECT count(*) AS count FROM event WHERE at_ms < ?')
      .get(keptSinceMs)!
    if (count === 0) return
    this.#database
      .prepare('DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at_ms < ? ORDER BY at_ms LIMIT ?)')
      .run(keptSinceMs, REMOVED_MAX)
    this.#counts = undefined
    this.#counted()
  }

  /** The domain with the most rows loses its oldest: a peer that causes many events of one domain pushes out no others. */
  #removeMost(rowsMax: number): void {
    const counts = this.#counted()
    for (let over = Math.min(this.count - rowsMax, REMOVED_MAX); over > 0; ) {
      const [[domain, most], second] = [...counts].sort(([, a], [, b]) => b - a) as [
        [string, number],
        [string, number] | undefined
      ]
      const removed = Math.min(over, Math.max(1, most - (second?.[1] ?? 0)))
      this.#database
        .prepare('DELETE FROM event WHERE id IN (SELECT id FROM event WHERE domain = ? ORDER BY id LIMIT ?)')
        .run(domain, removed)
      counts.set(domain, most - removed)
      over -= removed
    }
  }
}
