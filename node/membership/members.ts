/**
 * The known members of this node's mesh: the memory behind every decision of the policy, and the shell of
 * `members-core.ts`. It verifies signatures, stores what the core decides, and reports what has changed.
 */

import type { Certificate, Membership, Role } from '../../interface/membership.ts'
import { openCertificate, openRevocation } from '../../protocols/membership/index.ts'
import type { Chain, MeshStore, StoredMesh, StoredRevocation } from '../../storage/mesh/mesh-store.ts'
import { isLater, membershipOf } from './chain.ts'
import { hasPlace, letInBy, namesBesides } from './member-rooms.ts'
import { hasFallen, revocationsDigest, sameChain, standingOf, stepMembers } from './members-core.ts'
import { type MembersEffect, type MembersEvent, type MembersState, newMembers } from './members-state.ts'
import { OwnMesh, type OwnMeshComponents } from './own-mesh.ts'
import type { Standing } from './policy.ts'
import { inOrder, isRemoved, mustHaveRoom, subjectsOf } from './removals.ts'

export interface MembersComponents extends OwnMeshComponents {
  readonly store: MeshStore
  /** This node. */
  readonly peerId: string
  /** The peer is no member any more: what it has open with this node must end now. */
  onRevoked(peerId: string): void
  /** A device is a member that was none before. */
  onJoined(membership: Membership): void
  /** A revocation has changed what this peer is. */
  onRemoved(peerId: string, name: string | undefined): void
  /** An admin has let in or removed more devices than any person would: the root should look at it. */
  onRoomFull(peerId: string, name: string | undefined, room: 'members' | 'revocations'): void
}

/** A revocation as it travels: signed, and the certificate that shows the signer may. */
export type RevocationProof = Pick<StoredRevocation, 'envelope' | 'issuerCertificate'>

export class Members {
  readonly own: OwnMesh
  readonly #components: MembersComponents
  readonly #state: MembersState

  /** @param own what `found` or `join` has stored. */
  constructor(own: StoredMesh, components: MembersComponents) {
    this.own = new OwnMesh(own, components)
    this.#components = components
    this.#state = newMembers(own.id)
  }

  /**
   * Read what an earlier run knew. It was checked before it was stored; what has changed since, `standingOf` sees.
   * An older version kept more: what has no place now leaves the disk.
   */
  async load(): Promise<void> {
    const { store, peerId: self } = this.#components
    for (const { envelope, issuerCertificate } of store.revocations()) {
      const { value, hash } = await openRevocation(envelope)
      const revocation = { hash, value, envelope, issuerCertificate }
      this.#forget(this.#step({ type: 'revocation-stored', revocation }))
    }
    for (const { chain } of [...store.members(), { peerId: self, chain: this.own.chain }]) {
      this.#step({ type: 'member-stored', membership: membershipOf(await opened(chain)), chain })
    }
    this.#tidy()
  }

  /** Id of the mesh. */
  get mesh(): string {
    return this.own.id
  }

  /**
   * An admin issued a fresh certificate for this node. An older one than it has changes nothing, and neither does
   * one that takes the role of an admin: only the root makes and removes admins.
   */
  async renew(chain: Chain): Promise<void> {
    const { peerId } = this.#components
    const [effect] = this.#step({ type: 'admit', peerId, certificates: await opened(chain), chain })
    if (effect?.type === 'refuse') throw effect.failure
    if (effect?.type !== 'store-member') return
    const last = this.lastKnown(peerId)
    const { clock } = this.#components
    if (last !== undefined && !isLater(effect.membership, last, clock.wallMs())) return
    if (this.get(peerId)?.role === 'admin' && effect.membership.role !== 'admin') return
    this.#takeOwn(effect.membership, chain)
  }

  /** This device, which holds the root key, has issued itself a certificate: it replaces any other. */
  async reissued(chain: Chain): Promise<void> {
    this.#takeOwn(membershipOf(await opened(chain)), chain)
  }

  #takeOwn(membership: Membership, chain: Chain): void {
    this.own.replaceChain(chain)
    this.#step({ type: 'member-stored', membership, chain })
  }

  standing(peerId: string): Standing {
    return standingOf(this.#state, peerId, this.#components.clock.wallMs())
  }

  get(peerId: string): Membership | undefined {
    return this.standing(peerId).kind === 'member' ? this.lastKnown(peerId) : undefined
  }

  /** A peer that is no member only because the admin that let it in was removed. */
  orphan(peerId: string): Membership | undefined {
    const membership = this.lastKnown(peerId)
    if (membership === undefined || this.isRevoked(peerId, membership.role)) return undefined
    return hasFallen(this.#state, membership) ? membership : undefined
  }

  /** See {@link letInBy}. */
  letInBy(admin: string): number {
    return letInBy(this.#state, admin)
  }

  /** See {@link hasPlace}. */
  hasPlace(device: Pick<Membership, 'peerId' | 'issuer' | 'vouchers'>): boolean {
    return hasPlace(this.#state, device)
  }

  /** Whether a device of that role was removed, whatever else is known of it. */
  isRevoked(peerId: string, role: Role): boolean {
    return isRemoved(this.#state.removals, peerId, role)
  }

  /** The newest certificates of the peer that this node has seen. */
  chainOf(peerId: string): Chain | undefined {
    return this.#state.known.get(peerId)?.chain
  }

  /** What this node last knew of the peer, whether or not that still counts. */
  lastKnown(peerId: string): Membership | undefined {
    return this.#state.known.get(peerId)?.membership
  }

  list(): Membership[] {
    return [...this.#state.known.keys()].flatMap(peerId => this.get(peerId) ?? [])
  }

  /** See {@link namesBesides}. */
  namesBesides = (peerId: string): Set<string> => namesBesides(this.#state, peerId)

  /**
   * The peer showed this chain. From now on it is what the chain says.
   *
   * @throws {LumosError} as {@link checkChain}; what was known of the peer stays.
   */
  async admit(peerId: string, chain: Chain): Promise<Membership> {
    const known = this.#state.known.get(peerId)
    if (known !== undefined && sameChain(known.chain, chain) && this.get(peerId)) return known.membership

    const event = { type: 'admit', peerId, certificates: await opened(chain), chain } as const
    const refusesForRoom = ([effect]: readonly MembersEffect[]) =>
      effect?.type === 'refuse' && effect.failure.code === 'DENIED' && this.#tidy()
    let effects = this.#step(event)
    if (refusesForRoom(effects)) effects = this.#step(event)
    const [effect] = effects
    if (effect?.type === 'refuse') throw effect.failure
    if (effect?.type === 'admitted') return effect.membership
    const { membership } = effect as Extract<MembersEffect, { type: 'store-member' }>
    this.#components.store.storeMember(peerId, chain)
    this.#tell(this.#step({ type: 'member-stored', membership, chain: chain.map(toKeep) }))
    return membership
  }

  /** All revocations, to be handed on. */
  revocations(): RevocationProof[] {
    return inOrder(this.#state.removals)
  }

  /** Devices known here that this admin, or any, has removed. Those that it could not, as other admins, are none of them. */
  removedBy(admin?: string): string[] {
    const subjects = subjectsOf(this.#state.removals, admin)
    return [...subjects].filter(peerId => this.standing(peerId).kind === 'revoked')
  }

  /** Equal on two nodes exactly when they keep the same revocations. */
  get revocationsDigest(): string {
    return revocationsDigest(this.#state)
  }

  /** @throws {LumosError} `DENIED` when what this admin says about one more device would take the place of another. */
  mayRemoveMore(admin: string): void {
    mustHaveRoom(this.#state.removals, admin)
  }

  /**
   * Take a revocation in.
   *
   * @returns whether it was new: known ones, and those that have no place, change nothing.
   * @throws {LumosError} `CERTIFICATE_INVALID` unless the root or an admin of this mesh signed it.
   */
  async revoke(proof: RevocationProof): Promise<boolean> {
    const envelope = toKeep(proof.envelope)
    const issuerCertificate = proof.issuerCertificate && toKeep(proof.issuerCertificate)
    const { value, hash } = await openRevocation(envelope)
    const byRoot = value.issuer === this.mesh || issuerCertificate === null
    const [revoker] = byRoot ? [] : await opened([issuerCertificate])
    const revocation = { hash, value, envelope, issuerCertificate }
    const [effect] = this.#step({ type: 'revoke', revocation, revoker })
    if (effect?.type === 'refuse') throw effect.failure
    if (effect === undefined) return false

    const { subject } = value
    this.#components.store.storeRevocation({ hash, subject, envelope, issuerCertificate })
    this.#tell(this.#step({ type: 'revocation-stored', revocation }))
    return true
  }

  #step(event: MembersEvent): readonly MembersEffect[] {
    return stepMembers(this.#state, event, this.#components.clock.wallMs()).effects
  }

  #tell(effects: readonly MembersEffect[]): void {
    const { onJoined, onRevoked, onRemoved, onRoomFull } = this.#components
    this.#forget(effects)
    for (const effect of effects) {
      if (effect.type === 'joined') onJoined(effect.membership)
      if (effect.type === 'cut-off') onRevoked(effect.peerId)
      if (effect.type === 'removed') onRemoved(effect.peerId, effect.name)
      if (effect.type === 'room-full') {
        onRoomFull(effect.peerId, this.lastKnown(effect.peerId)?.name, effect.room)
      }
    }
  }

  #forget(effects: readonly MembersEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'forget-revocation') this.#components.store.forgetRevocation(effect.hash)
      if (effect.type === 'forget-member') this.#components.store.forgetMember(effect.peerId)
    }
  }

  /** @returns whether that made room. */
  #tidy(): boolean {
    const effects = this.#step({ type: 'tidy' })
    this.#forget(effects)
    return effects.length > 0
  }
}

/**
 * Bytes for as long as their device is known. What comes from a peer is a slice of
 * Node's pool as often as not, and would keep all 64 KiB of that in memory.
 */
const toKeep = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

async function opened(chain: Chain): Promise<Certificate[]> {
  const certificates: Certificate[] = []
  for (const certificate of chain) certificates.push((await openCertificate(certificate)).value)
  return certificates
}
