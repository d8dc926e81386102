/** What the store knows of its files, in SQLite. The directory has the bytes. */

import type { Database } from '../database/database.ts'
import type { FeatureTables } from '../database/feature-database.ts'
import { leafCidText } from './cid.ts'
import type { Dag } from './hash-messages.ts'
import type { StoredFile } from './types.ts'

/** Rows of leaves in one commit: a few milliseconds of the thread of the network. */
const LEAVES_PER_COMMIT = 2048
const DIGEST_BYTES = 32

export const WEIGHT_TABLES: FeatureTables = {
  migrations: [
    // `run` counts the starts of the node; `clean`: the last one ended as it should.
    `CREATE TABLE store (
      only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
      id TEXT NOT NULL,
      run INTEGER NOT NULL,
      clean INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE file (
      id INTEGER PRIMARY KEY,
      sha256 TEXT NOT NULL UNIQUE,
      cid TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      dag_bytes INTEGER NOT NULL,
      seal TEXT NOT NULL,
      -- coming: its leaves are not all here; suspect: to be hashed before it is served; bad: problem says why
      state TEXT NOT NULL CHECK (state IN ('coming', 'whole', 'suspect', 'bad')),
      problem TEXT,
      -- of the store, and when
      run INTEGER NOT NULL,
      kept_at_ms INTEGER NOT NULL,
      -- a repository had it once
      claimed INTEGER NOT NULL DEFAULT 0,
      digests BLOB NOT NULL
    ) STRICT;
    CREATE INDEX file_cid ON file (cid);
    CREATE TABLE leaf (
      digest BLOB NOT NULL,
      file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
      n INTEGER NOT NULL,
      PRIMARY KEY (digest, file)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX leaf_file ON leaf (file);
    CREATE TABLE node (cid TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
    CREATE TABLE file_node (
      cid TEXT NOT NULL,
      file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
      PRIMARY KEY (cid, file)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX file_node_file ON file_node (file);
    CREATE TABLE repository (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE COLLATE NOCASE,
      cid TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      envelope BLOB NOT NULL,
      pinned INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE repository_file (
      repository INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
      path TEXT NOT NULL,
      file INTEGER NOT NULL REFERENCES file,
      -- of what lies in the directory for engines
      seal TEXT NOT NULL,
      PRIMARY KEY (repository, path)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX repository_file_file ON repository_file (file);
    CREATE TABLE repository_node (
      cid TEXT NOT NULL,
      repository INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
      PRIMARY KEY (cid, repository)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX repository_node_repository ON repository_node (repository);`
  ],
  scopes: {
    store: 'home',
    file: 'home',
    leaf: 'home',
    node: 'home',
    file_node: 'home',
    repository: 'home',
    repository_file: 'home',
    repository_node: 'home'
  }
}

export type FileState = 'coming' | 'whole' | 'suspect' | 'bad'

export interface FileRow {
  readonly id: number
  readonly sha256: string
  readonly cid: string
  readonly bytes: number
  readonly dagBytes: number
  readonly seal: string
  readonly state: FileState
  readonly problem: string | null
  readonly run: number
  readonly keptAtMs: number
}

const FILE = `file.id, file.sha256, file.cid, file.bytes, file.dag_bytes AS dagBytes, file.seal, file.state,
  file.problem, file.run, file.kept_at_ms AS keptAtMs`

export class FileTable {
  readonly #db: Database

  constructor(database: Database) {
    this.#db = database
  }

  bySha256(sha256: string): FileRow | undefined {
    return this.#db.prepare<FileRow>(`SELECT ${FILE} FROM file WHERE sha256 = ?`).get(sha256)
  }

  byCid(cid: string): FileRow | undefined {
    return this.#db
      .prepare<FileRow>(`SELECT ${FILE} FROM file WHERE cid = ? ORDER BY state = 'whole' DESC`)
      .get(cid)
  }

  all(): FileRow[] {
    return this.#db.prepare<FileRow>(`SELECT ${FILE} FROM file`).all()
  }

  /** Files that no repository has; those that never had one too when they were kept before this time. */
  unused(neverUsedBeforeMs: number): FileRow[] {
    return this.#db
      .prepare<FileRow>(
        `SELECT ${FILE} FROM file WHERE id NOT IN (SELECT file FROM repository_file)
         AND state <> 'coming' AND (claimed = 1 OR kept_at_ms < ?)`
      )
      .all(neverUsedBeforeMs)
  }

  bytes(): number {
    return this.#db.prepare<{ bytes: number }>('SELECT coalesce(sum(bytes), 0) AS bytes FROM file').get()!
      .bytes
  }

  /** The leaf with this digest, of a file that is whole. */
  leaf(digest: Uint8Array): (FileRow & { n: number }) | undefined {
    return this.#db
      .prepare<FileRow & { n: number }>(
        `SELECT ${FILE}, n FROM leaf JOIN file ON file.id = leaf.file WHERE digest = ? AND state = 'whole' LIMIT 1`
      )
      .get(digest)
  }

  digests(id: number): Uint8Array {
    return this.#db.prepare<{ digests: Uint8Array }>('SELECT digests FROM file WHERE id = ?').get(id)!.digests
  }

  leavesOf(cid: string): string[] {
    const file = this.byCid(cid)
    if (file === undefined || file.state !== 'whole') return []
    const digests = this.digests(file.id)
    return Array.from({ length: digests.length / DIGEST_BYTES }, (_, n) =>
      leafCidText(digests.subarray(n * DIGEST_BYTES, (n + 1) * DIGEST_BYTES))
    )
  }

  /**
   * A file that is at its place on disk. One that was known is replaced in what is known of its bytes.
   *
   * @param turn called between commits, so that other work gets its time.
   */
  async keep(
    file: StoredFile & { seal: string; run: number; keptAtMs: number },
    digests: Uint8Array,
    { dagBytes, nodes }: Dag,
    turn: () => Promise<void>
  ): Promise<void> {
    const { sha256, cid, bytes, seal, run, keptAtMs } = file
    const known = this.bySha256(sha256)
    if (known !== undefined) {
      this.#db
        .prepare(
          `UPDATE file SET seal = ?, run = ?, kept_at_ms = ?, state = 'whole', problem = NULL WHERE id = ? AND state <> 'coming'`
        )
        .run(seal, run, keptAtMs, known.id)
      return
    }
    this.#db
      .prepare(
        `INSERT INTO file (sha256, cid, bytes, dag_bytes, seal, state, run, kept_at_ms, digests)
         VALUES (?, ?, ?, ?, ?, 'coming', ?, ?, ?)`
      )
      .run(sha256, cid, bytes, dagBytes, seal, run, keptAtMs, digests)
    const { id } = this.bySha256(sha256)!
    for (let from = 0; from < digests.length; from += LEAVES_PER_COMMIT * DIGEST_BYTES) {
      this.#keepLeaves(id, digests, from)
      await turn()
    }
    this.#db.transaction(() => {
      for (const node of nodes) {
        this.putNode(node.cid, node.bytes)
        this.#db.prepare('INSERT OR IGNORE INTO file_node VALUES (?, ?)').run(node.cid, id)
      }
      this.#db.prepare("UPDATE file SET state = 'whole' WHERE id = ?").run(id)
    })
  }

  #keepLeaves(id: number, digests: Uint8Array, from: number): void {
    const insert = this.#db.prepare('INSERT OR IGNORE INTO leaf VALUES (?, ?, ?)')
    const end = Math.min(digests.length, from + LEAVES_PER_COMMIT * DIGEST_BYTES)
    this.#db.transaction(() => {
      for (let at = from; at < end; at += DIGEST_BYTES)
        insert.run(digests.subarray(at, at + DIGEST_BYTES), id, at / DIGEST_BYTES)
    })
  }

  mark(
    id: number,
    state: FileState,
    { problem = null, seal }: { problem?: string | null; seal?: string } = {}
  ): void {
    this.#db
      .prepare('UPDATE file SET state = ?, problem = ?, seal = coalesce(?, seal) WHERE id = ?')
      .run(state, problem, seal ?? null, id)
  }

  forget(id: number): void {
    this.#db.prepare('DELETE FROM file WHERE id = ?').run(id)
  }

  node(cid: string): Uint8Array | undefined {
    return this.#db.prepare<{ bytes: Uint8Array }>('SELECT bytes FROM node WHERE cid = ?').get(cid)?.bytes
  }

  putNode(cid: string, bytes: Uint8Array): void {
    this.#db.prepare('INSERT OR IGNORE INTO node VALUES (?, ?)').run(cid, bytes)
  }
}
