/** What the store knows of its files, in SQLite. The directory has the bytes. */

import type { Database } from '../database/database.ts'
import type { Dag } from './hash-messages.ts'
import type { StoredFile } from './types.ts'

/** Rows of leaves in one commit: a few milliseconds of the thread of the network. */
const LEAVES_PER_COMMIT = 2048
const DIGEST_BYTES = 32
/** More than any file has. */
const LEAVES_MAX = 2 ** 25

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

  /** Whether one of so many bytes is whole. */
  hasBytes(bytes: number): boolean {
    const found = this.#db
      .prepare("SELECT 1 FROM file WHERE bytes = ? AND state = 'whole' LIMIT 1")
      .get(bytes)
    return found !== undefined
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

  /** Of a whole file; none of any other. */
  digestsOf(cid: string, from = 0, count = LEAVES_MAX): Uint8Array {
    const [first, bytes] = [from * DIGEST_BYTES + 1, count * DIGEST_BYTES]
    const found = this.#db
      .prepare<{ digests: Uint8Array }>(
        "SELECT substr(digests, ?, ?) AS digests FROM file WHERE cid = ? AND state = 'whole' LIMIT 1"
      )
      .get(first, bytes, cid)
    return found?.digests ?? new Uint8Array()
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
