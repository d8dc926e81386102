/**
 * Full text of what is in memory, by SQLite's FTS5. It has plain text, so it is a database of no file, and nothing of it
 * goes to a temporary one.
 */

import { DatabaseSync, type StatementSync } from 'node:sqlite'

/**
 * So many of the texts of a group that fit are put in order, the last ones that came: a word that each text has costs the
 * same as another one.
 */
const RANKED_MAX = 2000

export interface TextRow {
  readonly id: number
  readonly doc: number
  readonly key: string
  readonly text: string
  /** What a caller wants to know besides. */
  readonly about: string | null
  readonly writer: number
  readonly at: number | null
}

export interface TextFilter {
  /** In groups, so that many texts of one hide none of another one. Undefined: all of the index, as one group. */
  readonly docs: readonly (readonly number[])[] | undefined
  readonly writer: number | undefined
  readonly since: number | undefined
  readonly until: number | undefined
}

const SCHEMA = `
  PRAGMA temp_store = MEMORY;
  CREATE TABLE entry (
    id INTEGER PRIMARY KEY, doc INTEGER NOT NULL, key TEXT NOT NULL,
    text TEXT NOT NULL, about TEXT, writer INTEGER NOT NULL, at INTEGER
  ) STRICT;
  CREATE INDEX entry_key ON entry (doc, key);
  CREATE VIRTUAL TABLE words USING fts5 (
    text, content = '', contentless_delete = 1, prefix = '3',
    tokenize = "unicode61 remove_diacritics 0 categories 'L* N* Co M*'"
  );`

const ROW = 'id, doc, key, text, about, writer, at'

export class TextIndex {
  readonly #db = new DatabaseSync(':memory:')
  readonly #statements = new Map<string, StatementSync>()

  constructor() {
    this.#db.exec(SCHEMA)
  }

  get bytes(): number {
    const of = (name: string): number => this.#prepare(`PRAGMA ${name}`).get()![name] as number
    return (of('page_count') - of('freelist_count')) * of('page_size')
  }

  /** All that `work` adds and removes at once, which is faster. */
  together<T>(work: () => T): T {
    this.#db.exec('BEGIN')
    try {
      return work()
    } finally {
      this.#db.exec('COMMIT')
    }
  }

  /** @param words as they are to be found. */
  add({ id, doc, key, text, about, writer, at }: TextRow, words: string): void {
    this.#prepare(`INSERT INTO entry (${ROW}) VALUES (?, ?, ?, ?, ?, ?, ?)`).run(
      ...[id, doc, key, text, about, writer, at]
    )
    this.#prepare('INSERT INTO words (rowid, text) VALUES (?, ?)').run(id, words)
  }

  remove(id: number): void {
    this.#prepare('DELETE FROM words WHERE rowid = ?').run(id)
    this.#prepare('DELETE FROM entry WHERE id = ?').run(id)
  }

  /** Of one key there may be several. */
  idsOf(doc: number, key: string): number[] {
    const found = this.#prepare('SELECT id FROM entry WHERE doc = ? AND key = ?').all(doc, key)
    return found.map(({ id }) => id as number)
  }

  get(id: number): TextRow | undefined {
    return this.#prepare(`SELECT ${ROW} FROM entry WHERE id = ?`).get(id) as TextRow | undefined
  }

  /** Of each text, without the text, and whether it has one. */
  ofDoc(doc: number): { id: number; key: string; isFound: number }[] {
    const found = this.#prepare(
      `SELECT id, key, text <> '' AS isFound FROM entry WHERE doc = ? ORDER BY id`
    ).all(doc)
    return found as { id: number; key: string; isFound: number }[]
  }

  /** Ids of the texts that fit an expression of FTS5, the best first. */
  match(expression: string, filter: TextFilter, limit: number): number[] {
    const { docs } = filter
    const isFew = docs === undefined || docs.length < 2 || this.#count(expression) <= RANKED_MAX
    const groups = isFew ? [docs?.flat()] : docs
    return groups
      .flatMap(group => this.#ranked(expression, { ...filter, docs: group }, limit))
      .sort((a, b) => a.rank - b.rank || b.id - a.id)
      .slice(0, limit)
      .map(({ id }) => id)
  }

  #count(expression: string): number {
    const found = this.#prepare('SELECT count(*) AS count FROM words WHERE words MATCH ?').get(expression)
    return found!.count as number
  }

  #ranked(
    expression: string,
    { docs, writer, since, until }: Omit<TextFilter, 'docs'> & { docs: readonly number[] | undefined },
    limit: number
  ): { id: number; rank: number }[] {
    const isPlain = docs === undefined && writer === undefined && since === undefined && until === undefined
    const where = isPlain
      ? ''
      : `JOIN entry ON entry.id = words.rowid
           AND (?2 IS NULL OR entry.doc IN (SELECT value FROM json_each(?2)))
           AND (?3 IS NULL OR entry.writer = ?3) AND (?4 IS NULL OR entry.at >= ?4) AND (?5 IS NULL OR entry.at <= ?5)`
    const values = isPlain
      ? []
      : [docs === undefined ? null : JSON.stringify(docs), writer ?? null, since ?? null, until ?? null]
    const found = this.#prepare(
      `SELECT id, rank FROM (
         SELECT words.rowid AS id, bm25(words) AS rank FROM words ${where}
         WHERE words MATCH ?1 ORDER BY words.rowid DESC LIMIT ${RANKED_MAX}
       ) ORDER BY rank, id DESC LIMIT ${limit}`
    ).all(expression, ...values)
    return found as { id: number; rank: number }[]
  }

  close(): void {
    this.#db.close()
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}
