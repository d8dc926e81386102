/**
 * Which mesh this node belongs to, whom it knows as a member, whom the mesh has
 * removed, and the invitations that are out: all in `core.db`, so that what was
 * decided stays decided.
 *
 * What the mesh says of itself counts whether or not this disk has room for it:
 * a disk that refuses must not keep a removed device in. Such things are kept
 * in mind, and stored by `flush` when the disk takes them.
 */

import type { Database } from '../database/database.ts'
import { isRefusal } from '../database/failure.ts'
import { CORE_TABLES, type TableScope } from '../database/schema.ts'

/** A certificate and, unless the root signed it, that of its issuer. */
export type Chain = readonly Uint8Array[]

export interface StoredMesh {
  readonly id: string
  readonly name: string
  readonly namedAtMs: number
  /** This node's own. */
  readonly chain: Chain
}

export interface StoredRevocation {
  readonly hash: string
  readonly subject: string
  readonly envelope: Uint8Array
  /** The signing admin's certificate; none when the root signed. */
  readonly issuerCertificate: Uint8Array | null
}

export interface StoredInvite {
  readonly id: string
  readonly secretHash: string
  readonly role: string
  readonly expiresAtMs: number
  readonly usedBy: string | null
}

interface ChainRow {
  readonly certificate: Uint8Array
  readonly issuerCertificate: Uint8Array | null
}

export class MeshStore {
  readonly #core: Database
  readonly #ofMesh: readonly string[]
  /** What the disk refused, by what it is about: bounded as members and revocations are. */
  readonly #unsaved = new Map<string, () => void>()

  /** @param tables every table of `core`. */
  constructor(core: Database, tables: Readonly<Record<string, TableScope>> = CORE_TABLES) {
    this.#core = core
    this.#ofMesh = Object.keys(tables).filter(table => tables[table] === 'mesh')
  }

  /**
   * Everything that was given is durable once this returns.
   *
   * @throws {LumosError} `STORE_FULL` or `STORE_FAILED` while the disk refuses.
   */
  flush(): void {
    for (const [subject, store] of this.#unsaved) {
      store()
      this.#unsaved.delete(subject)
    }
  }

  mesh(): StoredMesh | undefined {
    const row = this.#core.prepare<Omit<StoredMesh, 'chain'> & ChainRow>(SELECT_MESH).get()
    return row && { id: row.id, name: row.name, namedAtMs: row.namedAtMs, chain: chainOf(row) }
  }

  /** Belong to this mesh from now on; what was known of another one is forgotten with it. */
  enter(mesh: StoredMesh): void {
    this.#core.transaction(() => {
      if (this.mesh()?.id !== mesh.id) {
        for (const table of this.#ofMesh) this.#core.prepare(`DELETE FROM ${table}`).run()
      }
      this.#storeMesh(mesh)
    })
    this.#unsaved.clear()
  }

  /** A fresh certificate, or another name; durable after `flush`. */
  update(mesh: StoredMesh): void {
    this.#keep('mesh', () => this.#storeMesh(mesh))
  }

  #storeMesh({ id, name, namedAtMs, chain }: StoredMesh): void {
    this.#core
      .prepare('INSERT OR REPLACE INTO mesh VALUES (1, ?, ?, ?, ?, ?)')
      .run(id, name, namedAtMs, chain[0]!, chain[1] ?? null)
  }

  members(): { peerId: string; chain: Chain }[] {
    return this.#core
      .prepare<{ peerId: string } & ChainRow>(
        'SELECT peer_id AS peerId, certificate, issuer_certificate AS issuerCertificate FROM member'
      )
      .all()
      .map(row => ({ peerId: row.peerId, chain: chainOf(row) }))
  }

  /** Durable after `flush`. `node/membership/members-core.ts` bounds how many there are. */
  storeMember(peerId: string, chain: Chain): void {
    this.#keep(`member ${peerId}`, () =>
      this.#core
        .prepare('INSERT OR REPLACE INTO member VALUES (?, ?, ?)')
        .run(peerId, chain[0]!, chain[1] ?? null)
    )
  }

  /** Durable after `flush`. */
  forgetMember(peerId: string): void {
    this.#keep(`member ${peerId}`, () =>
      this.#core.prepare('DELETE FROM member WHERE peer_id = ?').run(peerId)
    )
  }

  revocations(): StoredRevocation[] {
    return this.#core
      .prepare<StoredRevocation>(
        'SELECT hash, subject, envelope, issuer_certificate AS issuerCertificate FROM revocation ORDER BY hash'
      )
      .all()
  }

  /** Durable after `flush`; one that is known already is kept as it is. `node/membership/removals.ts` bounds them. */
  storeRevocation({ hash, subject, envelope, issuerCertificate }: StoredRevocation): void {
    this.#keep(`revocation ${hash}`, () =>
      this.#core
        .prepare('INSERT OR IGNORE INTO revocation VALUES (?, ?, ?, ?)')
        .run(hash, subject, envelope, issuerCertificate)
    )
  }

  /** Durable after `flush`. */
  forgetRevocation(hash: string): void {
    this.#keep(`revocation ${hash}`, () =>
      this.#core.prepare('DELETE FROM revocation WHERE hash = ?').run(hash)
    )
  }

  #keep(subject: string, store: () => void): void {
    this.#unsaved.delete(subject)
    try {
      store()
    } catch (err) {
      if (!isRefusal(err)) throw err
      this.#unsaved.set(subject, store)
    }
  }

  invites(): StoredInvite[] {
    return this.#core.prepare<StoredInvite>(SELECT_INVITES).all()
  }

  storeInvite({ id, secretHash, role, expiresAtMs }: Omit<StoredInvite, 'usedBy'>): void {
    this.#core.prepare('INSERT INTO invite VALUES (?, ?, ?, ?, NULL)').run(id, secretHash, role, expiresAtMs)
  }

  /**
   * Use an invitation up. It is burnt before anything is issued for it, so that no
   * crash in between lets a second device in with it.
   *
   * @returns whether it is this peer's now.
   */
  burnInvite(id: string, peerId: string): boolean {
    return this.#core.transaction(() => {
      const open = 'SELECT 1 FROM invite WHERE id = ? AND coalesce(used_by, ?) = ?'
      if (this.#core.prepare(open).get(id, peerId, peerId) === undefined) return false
      this.#core.prepare('UPDATE invite SET used_by = ? WHERE id = ?').run(peerId, id)
      return true
    })
  }

  /** Forget invitations that expired before `wallMs`. */
  dropInvites(wallMs: number): void {
    this.#core.prepare('DELETE FROM invite WHERE expires_at_ms < ?').run(wallMs)
  }
}

/** Earlier versions stored times that no number here can hold, and the driver refuses to read those. */
const SELECT_MESH = `SELECT id, name, min(named_at_ms, ${Number.MAX_SAFE_INTEGER}) AS namedAtMs,
  certificate, issuer_certificate AS issuerCertificate FROM mesh`

const SELECT_INVITES =
  'SELECT id, secret_hash AS secretHash, role, expires_at_ms AS expiresAtMs, used_by AS usedBy FROM invite'

const chainOf = ({ certificate, issuerCertificate }: ChainRow): Chain =>
  issuerCertificate === null ? [certificate] : [certificate, issuerCertificate]
