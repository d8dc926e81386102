/**
 * Who belongs to this node's mesh, as far as it knows: the memory behind every
 * decision of the policy.
 *
 * Certificates are checked once, when they come; what a peer is now is a look-up.
 * Revocations only ever grow, and any two nodes that saw the same ones agree,
 * whatever the order.
 */

import { createHash } from 'node:crypto'
import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { Certificate, Membership } from '../../interface/membership.ts'
import { openCertificate, openRevocation } from '../../protocols/membership/index.ts'
import type { Chain, MeshStore, StoredMesh, StoredRevocation } from '../../storage/mesh-store.ts'
import { CLOCK_LEEWAY_MS, checkChain, isLater, membershipOf } from './chain.ts'
import type { Standing } from './policy.ts'

export interface MembersComponents {
  readonly store: MeshStore
  readonly clock: Clock
  /** This node. */
  readonly peerId: string
  /** Belongs no more: whatever it has open with us must end now. */
  onRevoked(peerId: string): void
  /** Somebody is a member who was none before. */
  onJoined(membership: Membership): void
  onRenamed(name: string): void
  /** A revocation was news. */
  onRemoved(peerId: string, name: string | undefined): void
}

/** A revocation as it travels: signed, and the certificate that shows the signer may. */
export type RevocationProof = Pick<StoredRevocation, 'envelope' | 'issuerCertificate'>

interface Known {
  readonly membership: Membership
  readonly chain: Chain
}

export class Members {
  readonly #components: MembersComponents
  #own: StoredMesh
  readonly #known = new Map<string, Known>()
  /** By subject: whether the root signed one. Only the root removes an admin. */
  readonly #revoked = new Map<string, { byRoot: boolean }>()
  readonly #revocations = new Map<string, StoredRevocation>()
  #revocationsDigest = ''

  /** @param own what `found` or `join` has stored. */
  constructor(own: StoredMesh, components: MembersComponents) {
    this.#own = own
    this.#components = components
  }

  /** Read what an earlier run knew. It was checked before it was stored; what has changed since, `standing` sees. */
  async load(): Promise<void> {
    const { store, peerId: self } = this.#components
    for (const revocation of store.revocations()) await this.#apply(revocation)
    for (const { peerId, chain } of [...store.members(), { peerId: self, chain: this.chain }]) {
      this.#known.set(peerId, { membership: membershipOf(await opened(chain)), chain })
    }
  }

  /** Id of the mesh. */
  get mesh(): string {
    return this.#own.id
  }

  get meshName(): string {
    return this.#own.name
  }

  /** What the mesh is called, and since when. */
  get meshNaming(): { meshName: string; meshNamedAtMs: number } {
    return { meshName: this.#own.name, meshNamedAtMs: this.#own.namedAtMs }
  }

  /** This node's own certificates, to show to others. */
  get chain(): Chain {
    return this.#own.chain
  }

  /** An admin issued a fresh certificate for this node. An older one than it has changes nothing. */
  async renew(chain: Chain): Promise<void> {
    const { peerId } = this.#components
    const membership = await this.#check(peerId, chain)
    const last = this.lastKnown(peerId)
    if (last !== undefined && !isLater(membership, last)) return
    this.#known.set(peerId, { membership, chain })
    this.#own = { ...this.#own, chain }
    this.#components.store.enter(this.#own)
  }

  /** The mesh is called otherwise from now on. An older name than the one known changes nothing. */
  rename(name: string, namedAtMs: number): void {
    if (namedAtMs <= this.#own.namedAtMs) return
    this.#own = { ...this.#own, name, namedAtMs }
    this.#components.store.enter(this.#own)
    this.#components.onRenamed(name)
  }

  standing(peerId: string): Standing {
    const known = this.#known.get(peerId)
    if (this.#isRevoked(peerId, known?.membership.role)) return { kind: 'revoked' }
    if (known === undefined || this.#isRevoked(known.membership.issuer, 'admin')) return { kind: 'stranger' }
    const expired = this.#components.clock.wallMs() > known.membership.notAfterMs + CLOCK_LEEWAY_MS
    return expired
      ? { kind: 'stranger' }
      : { kind: 'member', role: known.membership.role, name: known.membership.name }
  }

  get(peerId: string): Membership | undefined {
    return this.standing(peerId).kind === 'member' ? this.#known.get(peerId)?.membership : undefined
  }

  /** A peer that is no member only because the admin that let it in was removed. */
  orphan(peerId: string): Membership | undefined {
    const membership = this.#known.get(peerId)?.membership
    if (membership === undefined || this.#isRevoked(peerId, membership.role)) return undefined
    return this.#isRevoked(membership.issuer, 'admin') ? membership : undefined
  }

  /** The newest certificates of the peer that this node has seen. */
  chainOf(peerId: string): Chain | undefined {
    return this.#known.get(peerId)?.chain
  }

  /** What this node last knew of the peer, whether or not that still counts. */
  lastKnown(peerId: string): Membership | undefined {
    return this.#known.get(peerId)?.membership
  }

  list(): Membership[] {
    return [...this.#known.keys()].flatMap(peerId => this.get(peerId) ?? [])
  }

  /**
   * The peer showed this chain. From now on it is what the chain says.
   *
   * @throws {LumosError} as {@link checkChain}; what was known of the peer stays.
   */
  async admit(peerId: string, chain: Chain): Promise<Membership> {
    const known = this.#known.get(peerId)
    if (known !== undefined && this.standing(peerId).kind === 'member' && sameChain(known.chain, chain)) {
      return known.membership
    }
    const membership = await this.#check(peerId, chain)
    // An older certificate than the one we hold proves membership as well, and replaces nothing.
    if (known !== undefined && isLater(known.membership, membership) && this.get(peerId)) {
      return known.membership
    }
    if (!this.#components.store.storeMember(peerId, chain)) {
      throw new LumosError('DENIED', 'The mesh has more members than this node can know.')
    }
    const isNew = this.get(peerId) === undefined
    this.#known.set(peerId, { membership, chain })
    if (isNew) this.#components.onJoined(membership)
    return membership
  }

  /** All revocations, to be handed on. */
  revocations(): RevocationProof[] {
    return [...this.#revocations.values()]
  }

  /** Equal on two nodes exactly when they hold the same revocations. */
  get revocationsDigest(): string {
    return this.#revocationsDigest
  }

  /**
   * Take a revocation in.
   *
   * @returns whether it was news.
   * @throws {LumosError} `CERTIFICATE_INVALID` unless the root or an admin of this mesh signed it.
   */
  async revoke(proof: RevocationProof): Promise<boolean> {
    const { value, envelope, hash } = await openRevocation(proof.envelope)
    if (value.mesh !== this.mesh)
      throw new LumosError('CERTIFICATE_INVALID', 'The revocation is of another mesh.')
    if (value.issuer !== this.mesh) await this.#checkRevoker(value.issuer, proof.issuerCertificate)
    if (this.#revocations.has(hash)) return false

    const { issuerCertificate } = proof
    const revocation = { hash, subject: value.subject, envelope, issuerCertificate }
    if (!this.#components.store.storeRevocation(revocation)) {
      throw new LumosError('DENIED', 'There are more revocations than this node can keep.')
    }
    const name = this.#known.get(value.subject)?.membership.name
    await this.#apply(revocation)
    this.#components.onRemoved(value.subject, name)
    return true
  }

  async #apply(revocation: StoredRevocation): Promise<void> {
    const { value } = await openRevocation(revocation.envelope)
    const byRoot = value.issuer === this.mesh || this.#revoked.get(value.subject)?.byRoot === true
    this.#revoked.set(value.subject, { byRoot })
    this.#revocations.set(revocation.hash, revocation)
    const digest = createHash('sha256')
    for (const hash of [...this.#revocations.keys()].sort()) digest.update(hash)
    this.#revocationsDigest = digest.digest('hex')

    // Whoever an admin let in falls with it, until another admin vouches for them.
    for (const peerId of this.#known.keys()) {
      if (this.standing(peerId).kind !== 'member') this.#components.onRevoked(peerId)
    }
    this.#components.onRevoked(value.subject)
  }

  /** An admin that was itself removed later could still remove devices: what was said stays said, in any order. */
  async #checkRevoker(issuer: string, certificate: Uint8Array | null): Promise<void> {
    const proof: Certificate | undefined =
      certificate === null ? undefined : (await openCertificate(certificate)).value
    if (
      proof?.role === 'admin' &&
      proof.subject === issuer &&
      proof.issuer === this.mesh &&
      proof.mesh === this.mesh
    ) {
      return
    }
    throw new LumosError('CERTIFICATE_INVALID', `${issuer} is no admin and cannot remove anybody.`)
  }

  async #check(subject: string, chain: Chain): Promise<Membership> {
    return checkChain(await opened(chain), {
      mesh: this.mesh,
      subject,
      wallMs: this.#components.clock.wallMs(),
      isRevoked: (peerId, role) => this.#isRevoked(peerId, role)
    })
  }

  #isRevoked(peerId: string, role: string | undefined): boolean {
    const revoked = this.#revoked.get(peerId)
    return revoked !== undefined && (role !== 'admin' || revoked.byRoot)
  }
}

async function opened(chain: Chain): Promise<Certificate[]> {
  const certificates: Certificate[] = []
  for (const certificate of chain) certificates.push((await openCertificate(certificate)).value)
  return certificates
}

export const sameChain = (a: Chain, b: Chain): boolean =>
  a.length === b.length && a.every((certificate, i) => Buffer.compare(certificate, b[i]!) === 0)
