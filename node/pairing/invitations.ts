/** The invitations that are out: each for one device, once, and not for long. */

import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { Role } from '../../interface/membership.ts'
import type { MeshStore, StoredInvite } from '../../storage/mesh/mesh-store.ts'
import { inviteId, inviteKey, isJoinProof, type Pair } from './pairing-secret.ts'

/** Time to walk to the other device. */
const INVITE_LIFE_MS = 10 * 60_000
/** A person who was interrupted begins again; more at once is a script. */
const INVITES_MAX = 32
/** A device that knows an invitation's name but not its secret is guessing. */
const WRONG_PROOFS_MAX = 5

export class Invitations {
  readonly #clock: Clock
  readonly #store: MeshStore
  /** When each ends, on the clock that cannot be turned back; none for those that an earlier run made. */
  readonly #endsAtMs = new Map<string, number>()
  readonly #wrongProofs = new Map<string, number>()

  constructor(clock: Clock, store: MeshStore) {
    this.#clock = clock
    this.#store = store
  }

  /**
   * Forget what is over, and learn of those that an earlier run made: an invitation lives
   * through a restart of the node, not through a change of its clock.
   */
  load(): void {
    const nowMs = this.#clock.wallMs()
    this.#store.dropInvites(nowMs)
    const kept = this.#store.invites()
    for (const id of this.#endsAtMs.keys()) {
      if (!kept.some(invite => invite.id === id)) this.#endsAtMs.delete(id)
    }
    for (const { id, expiresAtMs } of kept) {
      const leftMs = expiresAtMs - nowMs
      const known = this.#endsAtMs.has(id)
      if (!known && leftMs <= INVITE_LIFE_MS) this.#endsAtMs.set(id, this.#clock.monotonicMs() + leftMs)
    }
  }

  /**
   * Whether a stranger may come with one. One that was used counts until it would have
   * ended, so that a second device learns that it was used.
   */
  get open(): boolean {
    const nowMs = this.#clock.monotonicMs()
    return [...this.#endsAtMs.values()].some(endMs => endMs > nowMs)
  }

  /** @returns when it ends, in milliseconds since the epoch. */
  add(secret: Uint8Array, role: Role): number {
    this.load()
    if (this.#store.invites().filter(({ usedBy }) => usedBy === null).length >= INVITES_MAX) {
      throw new LumosError('OVERLOADED', `${INVITES_MAX} invitations are out already.`, {
        hint: 'Wait until some have expired.'
      })
    }
    const id = inviteId(secret)
    const expiresAtMs = Math.round(this.#clock.wallMs()) + INVITE_LIFE_MS
    const secretHash = Buffer.from(inviteKey(secret)).toString('hex')
    this.#store.storeInvite({ id, secretHash, role, expiresAtMs })
    this.#endsAtMs.set(id, this.#clock.monotonicMs() + INVITE_LIFE_MS)
    return expiresAtMs
  }

  /**
   * Use one up for `pair.joiner`. It is burnt, durably, once this returns, and before anything is issued for it.
   * The same device may come with it again: what it was given may have been lost on the way.
   *
   * @returns the role it is for, and what both sides now share.
   * @throws {LumosError} `INVITE_INVALID`, `INVITE_EXPIRED` or `INVITE_USED`.
   */
  redeem(id: string, proof: Uint8Array, pair: Pair): { role: Role; key: Uint8Array } {
    const invite = this.#store.invites().find(stored => stored.id === id)
    const key = Buffer.from(invite?.secretHash ?? '', 'hex')
    if (invite === undefined || !isJoinProof(proof, key, pair)) {
      if (invite !== undefined) this.#wrong(id)
      throw new LumosError('INVITE_INVALID', 'The inviter does not know this invitation.', { hint: NEW_ONE })
    }
    if (invite.usedBy !== null && invite.usedBy !== pair.joiner) throw used()
    if (this.#isOver(invite)) {
      throw new LumosError('INVITE_EXPIRED', 'This invitation has expired.', { hint: NEW_ONE })
    }
    if (!this.#store.burnInvite(id, pair.joiner)) throw used()
    return { role: Role.parse(invite.role), key }
  }

  #isOver({ id, expiresAtMs }: StoredInvite): boolean {
    const endMs = this.#endsAtMs.get(id) ?? 0
    return this.#clock.wallMs() > expiresAtMs || this.#clock.monotonicMs() > endMs
  }

  #wrong(id: string): void {
    const count = (this.#wrongProofs.get(id) ?? 0) + 1
    this.#wrongProofs.set(id, count)
    if (count >= WRONG_PROOFS_MAX) this.#store.burnInvite(id, '')
  }
}

const NEW_ONE = 'Ask for a new one: lumos-node invite'

const used = (): LumosError =>
  new LumosError('INVITE_USED', 'This invitation was used by a device already.', { hint: NEW_ONE })
