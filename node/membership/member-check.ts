/**
 * Decides about each peer that says hello, and gives a member a fresh certificate
 * when its own runs out or the admin that signed it is gone, if this device may.
 */

import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import type { Membership } from '../../interface/membership.ts'
import type { Hello } from '../../protocols/hello/index.ts'
import type { Chain } from '../../storage/mesh/mesh-store.ts'
import type { Authority } from './authority.ts'
import type { Members } from './members.ts'
import { sameChain } from './members-core.ts'
import { RENEW_BEFORE_MS } from './renewal.ts'

/**
 * Devices of a removed admin that are renewed without a person, at most: as many as a person can go through in
 * the list of members. Beyond that the admin may have made them up, and each device needs an invitation.
 */
export const ORPHANS_MAX = 100

export interface ReceptionComponents {
  readonly clock: Clock
  readonly members: Members
  readonly authority: Authority
  /** This node. */
  readonly peerId: string
}

export class MemberCheck {
  readonly #components: ReceptionComponents

  constructor(components: ReceptionComponents) {
    this.#components = components
  }

  /**
   * @returns fresh certificates for the peer; none when it needs none or this device has none and cannot issue them.
   * @throws {LumosError} when the peer is no member.
   */
  async judge(peerId: string, certificates: Chain, hello: Hello): Promise<Chain> {
    const { members } = this.#components
    const membership = await members.admit(peerId, certificates).catch(thrown => this.#orphan(peerId, thrown))
    if ('fresh' in membership) return membership.fresh
    if (membership.role === 'admin') members.heardName(hello.meshName, hello.meshNamedAtMs)
    const held = members.chainOf(peerId)
    // Whoever was made an admin while it was away hears of it from the first that knows.
    if (held !== undefined && !sameChain(held, certificates)) return held
    return await this.#renewed(membership)
  }

  /** A certificate runs out, or its issuer was removed after it was checked. */
  async #renewed(membership: Membership): Promise<Chain> {
    const { clock } = this.#components
    if (membership.notAfterMs - clock.wallMs() > RENEW_BEFORE_MS) return []
    // What is issued here ends with this admin's own certificate.
    const endsMs = this.#components.members.get(this.#components.peerId)?.notAfterMs ?? 0
    return endsMs > membership.notAfterMs && this.#mayIssue(membership) ? await this.#issue(membership) : []
  }

  /** A member whose issuer was removed is still one to an admin that knew it, and gets that in writing. */
  async #orphan(peerId: string, thrown: unknown): Promise<{ fresh: Chain }> {
    const known = this.#components.members.orphan(peerId)
    if (!(thrown instanceof LumosError) || thrown.code !== 'CERTIFICATE_INVALID') throw thrown
    if (known === undefined || !this.#mayIssue(known)) throw thrown
    if (this.#components.members.letInBy(known.issuer) > ORPHANS_MAX) throw tooManyOrphans(known, thrown)
    return { fresh: await this.#issue(known) }
  }

  #mayIssue({ role }: Membership): boolean {
    const { members, authority, peerId } = this.#components
    return members.get(peerId)?.role === 'admin' && (role !== 'admin' || authority.holdsRoot)
  }

  async #issue({ peerId, role, name }: Membership): Promise<Chain> {
    const fresh = await this.#components.authority.issue({ subject: peerId, role, name })
    await this.#components.members.admit(peerId, fresh)
    return fresh
  }
}

const tooManyOrphans = ({ peerId, issuer }: Membership, cause: LumosError): LumosError =>
  new LumosError(
    cause.code,
    `${issuer} was removed and had let in more than ${ORPHANS_MAX} devices. ${peerId} needs an invitation.`,
    { details: cause.details, cause }
  )
