/**
 * Decides about each peer that says hello, and gives a member a fresh certificate
 * when its own runs out or the admin that signed it is gone, if this device may.
 */

import type { Clock } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import { type Membership, VOUCHERS_MAX } from '../../interface/membership.ts'
import type { Hello } from '../../protocols/hello/index.ts'
import type { Chain } from '../../storage/mesh/mesh-store.ts'
import type { Authority } from './authority.ts'
import { adminsBehind, isMisdated } from './chain.ts'
import type { Members } from './members.ts'
import { sameChain } from './members-core.ts'
import { uniqueName } from './names.ts'
import { RENEW_BEFORE_MS } from './renewal.ts'

/**
 * Devices of a removed admin that are renewed without a person, at most: as many as a person can go through in
 * the list of members. Beyond that the admin may have made them up, and each device needs an invitation.
 */
export const ORPHANS_MAX = 100

/** Each name is a signature and a write to the disk of an admin, and a manifest on its way to all. */
const NAME_INTERVAL_MS = 10_000

export interface MemberCheckComponents {
  readonly clock: Clock
  readonly members: Members
  readonly authority: Authority
  /** This node. */
  readonly peerId: string
}

export class MemberCheck {
  readonly #components: MemberCheckComponents
  /** Members that this node gave a name within the last {@link NAME_INTERVAL_MS}. */
  readonly #namedAtMs = new Map<string, number>()

  constructor(components: MemberCheckComponents) {
    this.#components = components
  }

  /**
   * @returns fresh certificates for the peer; none when it needs none or this device has none and cannot issue them.
   * @throws {LumosError} when the peer is no member.
   */
  async judge(peerId: string, certificates: Chain, hello: Hello): Promise<Chain> {
    const { members } = this.#components
    const membership = await members
      .admit(peerId, certificates)
      .catch(thrown => this.#refused(peerId, certificates, thrown))
    if ('fresh' in membership) return membership.fresh
    if (membership.role === 'admin') members.own.heardName(hello.meshName, hello.meshNamedAtMs)
    const held = members.chainOf(peerId)
    // A device that became an admin while it was away gets its certificate from the first member that has it.
    if (held !== undefined && !sameChain(held, certificates)) return held
    const { wantedName } = hello
    if (wantedName !== undefined && wantedName !== membership.name) {
      return await this.#renamed(membership, wantedName)
    }
    return await this.#renewed(membership)
  }

  /**
   * A member asks for another name. A name that a device had before, a removed one too, is not given to another:
   * what is offered to a device by its name would pass on with it.
   */
  async #renamed(membership: Membership, wanted: string): Promise<Chain> {
    const { members, clock } = this.#components
    const nowMs = clock.monotonicMs()
    for (const [peerId, atMs] of this.#namedAtMs) {
      if (nowMs - atMs >= NAME_INTERVAL_MS) this.#namedAtMs.delete(peerId)
    }
    const vouchers = this.#vouchersOf(membership)
    if (this.#namedAtMs.has(membership.peerId) || !this.#mayIssue(membership, vouchers)) return []
    const name = uniqueName(wanted, members.namesBesides(membership.peerId))
    if (name === membership.name) return []
    this.#namedAtMs.set(membership.peerId, nowMs)
    return await this.#issue({ ...membership, name }, vouchers)
  }

  /** A certificate runs out, or was issued while the clock of its issuer was wrong. */
  async #renewed(membership: Membership): Promise<Chain> {
    const { clock } = this.#components
    const misdated = isMisdated(membership, clock.wallMs())
    if (membership.notAfterMs - clock.wallMs() > RENEW_BEFORE_MS && !misdated) return []
    // What is issued here ends with this admin's own certificate.
    const endsMs = this.#components.members.get(this.#components.peerId)?.notAfterMs ?? 0
    const vouchers = this.#vouchersOf(membership)
    const issues = (misdated || endsMs > membership.notAfterMs) && this.#mayIssue(membership, vouchers)
    return issues ? await this.#issue(membership, vouchers) : []
  }

  /** Two kinds of peers are members although what they show does not count. */
  async #refused(peerId: string, shown: Chain, thrown: unknown): Promise<{ fresh: Chain }> {
    if (!(thrown instanceof LumosError)) throw thrown
    if (thrown.code === 'CERTIFICATE_INVALID') return await this.#orphan(peerId, thrown)
    if (thrown.code === 'CERTIFICATE_EXPIRED') return await this.#misdated(peerId, shown, thrown)
    throw thrown
  }

  /**
   * A certificate that was issued while clocks were wrong, and by which this admin has known the peer: the peer was
   * let in, and was not removed since. One that has only ended stays ended.
   */
  async #misdated(peerId: string, shown: Chain, thrown: LumosError): Promise<{ fresh: Chain }> {
    const { members, clock } = this.#components
    const known = members.lastKnown(peerId)
    const held = members.chainOf(peerId)
    if (known === undefined || held === undefined || !sameChain(held, shown)) throw thrown
    if (!isMisdated(known, clock.wallMs()) || members.standing(peerId).kind === 'revoked') throw thrown
    const vouchers = this.#vouchersOf(known)
    if (members.orphan(peerId) !== undefined || !this.#mayIssue(known, vouchers)) throw thrown
    return { fresh: await this.#issue(known, vouchers) }
  }

  /** A member whose issuer was removed is still one to an admin that knew it, and gets that in writing. */
  async #orphan(peerId: string, thrown: LumosError): Promise<{ fresh: Chain }> {
    const { members } = this.#components
    const held = members.chainOf(peerId)
    // A fresh chain was issued, and the device has not received it.
    if (thrown.details.revocation && members.get(peerId) && held) return { fresh: held }
    const known = members.orphan(peerId)
    if (known === undefined) throw thrown
    const behind = adminsBehind(known)
    const vouchers = this.#vouchersOf(known)
    if (!this.#mayIssue(known, vouchers)) throw thrown
    const removed = behind.filter(admin => members.isRevoked(admin, 'admin'))
    const crowd = removed.find(admin => members.letInBy(admin) > ORPHANS_MAX)
    if (crowd !== undefined) throw tooManyOrphans(peerId, crowd, thrown)
    return { fresh: await this.#issue(known, vouchers) }
  }

  /**
   * The admins by whose word this admin renews a device: without them a device that a hostile admin has made up
   * would be this admin's own once it is renewed, and outlive the removal of the hostile one.
   */
  #vouchersOf(known: Membership): string[] {
    const { members, peerId } = this.#components
    const behind = new Set(adminsBehind(known))
    return [...behind].filter(admin => admin !== peerId && !members.isRevoked(admin, 'admin'))
  }

  #mayIssue({ peerId, role }: Membership, vouchers: readonly string[]): boolean {
    const { members, authority, peerId: self } = this.#components
    if (members.get(self)?.role !== 'admin') return false
    if (role === 'admin') return authority.holdsRoot
    return vouchers.length <= VOUCHERS_MAX && members.hasPlace({ peerId, issuer: self, vouchers })
  }

  async #issue({ peerId, role, name }: Membership, vouchers: readonly string[]): Promise<Chain> {
    // The root alone signs for admins.
    const by = role === 'admin' ? {} : { vouchers }
    const fresh = await this.#components.authority.issue({ subject: peerId, role, name, ...by })
    await this.#components.members.admit(peerId, fresh)
    return fresh
  }
}

const tooManyOrphans = (peerId: string, issuer: string, cause: LumosError): LumosError =>
  new LumosError(
    cause.code,
    `${issuer} was removed and had let in more than ${ORPHANS_MAX} devices. ${peerId} needs an invitation.`,
    { details: cause.details, cause }
  )
