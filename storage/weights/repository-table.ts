/** Repositories in SQLite: names for sets of files. */

import type { Repository, RepositoryFile } from '../../interface/weights.ts'
import type { Database } from '../database/database.ts'
import { leafDigest } from './cid.ts'
import type { Dag } from './hash-messages.ts'
import type { FileState } from './tables.ts'

export interface RepositoryRow {
  readonly id: number
  readonly name: string
  readonly cid: string
  readonly bytes: number
  readonly envelope: Uint8Array
  readonly pinned: number
}

/** A file as a repository has it. */
export interface MemberRow extends RepositoryFile {
  readonly fileId: number
  readonly state: FileState
  readonly problem: string | null
  /** Of what lies in the directory for engines. */
  readonly seal: string
}

export class RepositoryTable {
  readonly #db: Database
  #all: { readonly rows: readonly RepositoryRow[]; readonly writes: number } | undefined

  constructor(database: Database) {
    this.#db = database
  }

  /** Read again after the next write: each list of models asks for them, and SQLite took a tenth of it. */
  all(): readonly RepositoryRow[] {
    const { writes } = this.#db
    if (this.#all?.writes !== writes) {
      const rows = this.#db.prepare<RepositoryRow>('SELECT * FROM repository ORDER BY name').all()
      this.#all = { rows, writes }
    }
    return this.#all.rows
  }

  find(ref: string): RepositoryRow | undefined {
    return this.#db
      .prepare<RepositoryRow>(
        'SELECT * FROM repository WHERE name = ?1 COLLATE BINARY OR cid = ?1 ORDER BY name'
      )
      .get(ref)
  }

  /** Of this name, whatever its case. */
  called(name: string): RepositoryRow | undefined {
    return this.#db.prepare<RepositoryRow>('SELECT * FROM repository WHERE name = ?').get(name)
  }

  filesOf(id: number): MemberRow[] {
    return this.#db
      .prepare<MemberRow>(
        `SELECT path, file.bytes, sha256, cid, file AS fileId, state, problem, repository_file.seal
         FROM repository_file JOIN file ON file.id = file WHERE repository = ? ORDER BY path`
      )
      .all(id)
  }

  having(fileId: number): RepositoryRow[] {
    return this.#db
      .prepare<RepositoryRow>(
        'SELECT DISTINCT repository.* FROM repository JOIN repository_file ON repository = id WHERE file = ? ORDER BY name'
      )
      .all(fileId)
  }

  namesOf(cid: string): string[] {
    const digest = leafDigest(cid)
    const inFiles =
      digest === undefined
        ? 'SELECT file FROM file_node WHERE cid = ?1'
        : 'SELECT file FROM leaf WHERE digest = ?1'
    return this.#db
      .prepare<{ name: string }>(
        `SELECT name FROM repository WHERE id IN (SELECT repository FROM repository_file WHERE file IN (${inFiles}))
         OR id IN (SELECT repository FROM repository_node WHERE cid = ?1) ORDER BY name`
      )
      .all(digest ?? cid)
      .map(({ name }) => name)
  }

  /** Another one of this name is replaced, and what was pinned stays so. */
  keep(
    { name, cid, bytes, files }: Repository,
    envelope: Uint8Array,
    { nodes }: Dag,
    fileIds: ReadonlyMap<string, number>
  ): void {
    this.#db.transaction(() => {
      const before = this.called(name)
      if (before !== undefined) this.#db.prepare('DELETE FROM repository WHERE id = ?').run(before.id)
      this.#db
        .prepare('INSERT INTO repository (name, cid, bytes, envelope, pinned) VALUES (?, ?, ?, ?, ?)')
        .run(name, cid, bytes, envelope, before?.pinned ?? 0)
      const { id } = this.called(name)!
      for (const { path, sha256 } of files) {
        const fileId = fileIds.get(sha256)!
        this.#db.prepare("INSERT INTO repository_file VALUES (?, ?, ?, '')").run(id, path, fileId)
        this.#db.prepare('UPDATE file SET claimed = 1 WHERE id = ?').run(fileId)
      }
      for (const node of nodes) {
        this.#db.prepare('INSERT OR IGNORE INTO node VALUES (?, ?)').run(node.cid, node.bytes)
        this.#db.prepare('INSERT OR IGNORE INTO repository_node VALUES (?, ?)').run(node.cid, id)
      }
    })
  }

  /** The same content, signed anew. */
  renew(id: number, envelope: Uint8Array): void {
    this.#db.prepare('UPDATE repository SET envelope = ? WHERE id = ?').run(envelope, id)
  }

  /** What lies in its directory now. */
  placed(id: number, seals: ReadonlyMap<string, string>): void {
    const update = this.#db.prepare('UPDATE repository_file SET seal = ? WHERE repository = ? AND path = ?')
    this.#db.transaction(() => {
      for (const [path, seal] of seals) update.run(seal, id, path)
    })
  }

  pin(id: number, pinned: boolean): void {
    this.#db.prepare('UPDATE repository SET pinned = ? WHERE id = ?').run(Number(pinned), id)
  }

  forget(id: number): void {
    this.#db.prepare('DELETE FROM repository WHERE id = ?').run(id)
  }

  /** Nodes that are of no file and of no repository. */
  unusedNodes(): { cid: string; bytes: number }[] {
    return this.#db
      .prepare<{ cid: string; bytes: number }>(
        `SELECT cid, length(bytes) AS bytes FROM node
         WHERE cid NOT IN (SELECT cid FROM file_node) AND cid NOT IN (SELECT cid FROM repository_node)`
      )
      .all()
  }

  forgetNode(cid: string): void {
    this.#db.prepare('DELETE FROM node WHERE cid = ?').run(cid)
  }
}
