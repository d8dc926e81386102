/**
 * What a virtual node knows of others and says of itself: members, removals and
 * manifests, in its cores and on its disks, by the rules of the shells in `node/`.
 */

import type { SignedManifest } from '../../interface/manifest.ts'
import { manifestTtlMs } from '../../node/manifests/manifest-schedule.ts'
import { newProviders } from '../../node/manifests/provider-core.ts'
import { sameChain, standingOf } from '../../node/membership/members-core.ts'
import { type MembersEvent, newMembers } from '../../node/membership/members-state.ts'
import type { Standing } from '../../node/membership/policy.ts'
import type { ProvenRevocation } from '../../node/membership/removals.ts'
import { SEQUENCE_BLOCK } from '../../storage/mesh/manifest-log.ts'
import { MESH, manifestOf, nodeOf, peerIdOf } from './identities.ts'
import type { Life } from './life.ts'

export class Records {
  readonly members = newMembers(MESH)
  readonly providers = newProviders(id => this.members.known.get(id)?.membership.issuer)
  /** What this node announced last. */
  current!: SignedManifest
  readonly #life: Life
  #nextSequence = 0
  #reserved = 0

  constructor(life: Life) {
    this.#life = life
  }

  load(): void {
    const { node, world } = this.#life
    for (const revocation of node.disk.values()) {
      if (typeof revocation === 'object') this.#membersStep({ type: 'revocation-stored', revocation })
    }
    this.admit(peerIdOf(node.index), world.identities.chainOf(node.index))
    for (const { manifest, hash } of node.cache.values()) {
      const { peerId, epoch, sequence } = manifest
      const version = { peerId, epoch, sequence, hash }
      world.cores.providers(this.providers, { type: 'remember', version }, 0, world.random)
    }
    world.checker.restarted(this.#life)
  }

  /** A new manifest of this node. */
  renew(): SignedManifest {
    const { node, world } = this.#life
    if (this.#nextSequence === this.#reserved) this.#reserve()
    const { index, capabilities, epoch } = node
    this.current = manifestOf({
      ...{ node: index, epoch, sequence: this.#nextSequence++, content: 0, capabilities },
      ttlMs: manifestTtlMs(this.members.known.size),
      chain: world.identities.chainOf(index)
    })
    world.checker.announced(index, this.current)
    this.take(this.current, 0)
    return this.current
  }

  #reserve(): void {
    const free = this.#life.node.disk.get('sequence')
    this.#nextSequence = typeof free === 'number' ? free : 1
    this.#reserved = this.#nextSequence + SEQUENCE_BLOCK
    this.#commit('sequence', this.#reserved)
  }

  /** Write what must never be lost, and go on only once it is on disk. */
  #commit(key: string, value: number | ProvenRevocation): void {
    const { node, world } = this.#life
    node.disk.write(key, value)
    if (world.cores.commitsAreSynced) node.disk.sync()
  }

  /** @returns whether it was news. */
  take(signed: SignedManifest, ageMs: number): boolean {
    const { world, node, monotonicMs } = this.#life
    const { peerId, certificates } = signed.manifest
    if (!this.admit(peerId, certificates)) return false
    const event = { type: 'manifest', signed, ageMs } as const
    const [effect] = world.cores.providers(this.providers, event, monotonicMs, world.random).effects
    if (effect?.type !== 'news') {
      if (effect !== undefined) world.trace.note(world.nowMs, node.index, effect.code, nodeOf(peerId))
      return false
    }
    world.checker.accepted(node.index, signed)
    if (node.mayCrash) node.cache.write(peerId, signed)
    this.#life.heardOf(nodeOf(peerId))
    return true
  }

  /** @returns whether the peer is a member. */
  admit(peerId: string, chain: readonly Uint8Array[]): boolean {
    const known = this.members.known.get(peerId)
    if (known !== undefined && sameChain(known.chain, chain) && this.standingOf(peerId).kind === 'member')
      return true
    const certificates = this.#life.world.identities.open(chain)
    const [effect] = this.#membersStep({ type: 'admit', peerId, certificates, chain })
    if (effect?.type !== 'store-member') return effect?.type === 'admitted'
    this.#membersStep({ type: 'member-stored', membership: effect.membership, chain })
    return true
  }

  standingOf(peerId: string): Standing {
    return standingOf(this.members, peerId, this.#life.wallMs)
  }

  /** @returns whether it was news. */
  revoke(revocation: ProvenRevocation): boolean {
    const { issuerCertificate } = revocation
    const { world, node } = this.#life
    const [revoker] = issuerCertificate === null ? [] : world.identities.open([issuerCertificate])
    const [effect] = this.#membersStep({ type: 'revoke', revocation, revoker })
    if (effect?.type !== 'store-revocation') return false
    this.#commit(revocation.hash, revocation)
    world.checker.acknowledged(node.index, revocation)
    this.#membersStep({ type: 'revocation-stored', revocation })
    return true
  }

  #membersStep(event: MembersEvent) {
    const { world, node, wallMs, meetings } = this.#life
    world.trace.note(world.nowMs, node.index, `members ${event.type}`, 0)
    const { effects } = world.cores.members(this.members, event, wallMs, world.random)
    for (const effect of effects) {
      const about = 'peerId' in effect ? nodeOf(effect.peerId) : 0
      world.trace.note(world.nowMs, node.index, `members → ${effect.type}`, about)
      if (effect.type === 'cut-off') meetings.hangUp(nodeOf(effect.peerId))
      if (effect.type === 'forget-revocation') {
        node.disk.delete(effect.hash)
        world.checker.replaced(node.index, effect.hash)
      }
    }
    return effects
  }
}
