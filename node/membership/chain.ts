/** Whether a chain of certificates makes a peer a member. Pure: signatures were checked before, time is passed in. */

import { CLOCK_MIN_MS } from '../../interface/clock.ts'
import { LumosError } from '../../interface/errors.ts'
import {
  BACKDATED_MS,
  CERTIFICATE_LIFE_MS,
  type Certificate,
  type Membership,
  type Role
} from '../../interface/membership.ts'
import { looksLikePeerId } from '../../interface/names.ts'

/**
 * What a certificate may be past its end, or before its beginning, and still count. Clocks that are a day wrong
 * need none of it: certificates are back-dated, and renewed a month before they end.
 */
export const CLOCK_LEEWAY_MS = 10 * 60_000
/** Clocks that are further apart than this are worth a warning. */
export const CLOCK_SKEW_NOTED_MS = 10 * 60_000

export interface ChainContext {
  /** Id of the mesh: the root's PeerId. */
  readonly mesh: string
  readonly subject: string
  readonly wallMs: number
  /** Whether the peer was removed; only the root removes an admin. */
  isRevoked(peerId: string, role: Role): boolean
}

/**
 * `chain` is the subject's own certificate and, unless the root signed that, its issuer's.
 *
 * @throws {LumosError} `CERTIFICATE_INVALID`, `CERTIFICATE_EXPIRED`, or `PEER_REVOKED` when the subject is;
 *   a chain through an admin that was revoked is invalid.
 */
export function checkChain(chain: readonly Certificate[], context: ChainContext): Membership {
  const { mesh, subject, wallMs, isRevoked } = context
  const [own, issuer, ...more] = chain
  if (own === undefined || more.length > 0) throw invalid(subject, 'is no chain')
  if (chain.some(certificate => certificate.mesh !== mesh)) throw invalid(subject, 'is of another mesh')
  if (own.subject !== subject) throw invalid(subject, `was issued to ${own.subject}`)
  if (isRevoked(subject, own.role))
    throw new LumosError('PEER_REVOKED', `${subject} was removed from the mesh.`)

  if (own.role === 'admin') {
    if (own.issuer !== mesh || issuer !== undefined)
      throw invalid(subject, 'makes an admin, which only the root can')
  } else {
    if (issuer === undefined) throw invalid(subject, 'comes without that of its issuer')
    if (issuer.issuer !== mesh || issuer.role !== 'admin' || issuer.subject !== own.issuer) {
      throw invalid(subject, 'was not issued by an admin')
    }
    if (adminsBehind(membershipOf(chain)).some(admin => isRevoked(admin, 'admin')))
      throw invalid(subject, 'comes from an admin that was removed')
  }
  for (const certificate of chain) checkTime(certificate, subject, wallMs)

  return membershipOf(chain)
}

/** What a chain says once it was checked. It ends with the first of its certificates. */
export function membershipOf(chain: readonly Certificate[]): Membership {
  const { subject: peerId, role, serial, issuer, vouchers = [], replaces, notBeforeMs } = chain[0]!
  const name = properName(chain[0]!)
  const notAfterMs = Math.min(...chain.map(certificate => certificate.notAfterMs))
  return { peerId, role, name, serial, issuer, vouchers, replaces, notBeforeMs, notAfterMs }
}

/** Those by whose word the device is a member. It is one only while none of them is removed. */
export const adminsBehind = ({ issuer, vouchers }: Pick<Membership, 'issuer' | 'vouchers'>): string[] => [
  issuer,
  ...vouchers
]

/** Earlier versions gave out names of a PeerId's form. Shown on a screen, one would pass for another device. */
const properName = ({ name, subject }: Certificate): string =>
  looksLikePeerId(name) ? `unnamed-${subject.slice(-6)}` : name

/** Whether what a chain says counts at this time only because clocks may disagree a little. */
export const isWithinLeeway = ({ notBeforeMs, notAfterMs }: Membership, wallMs: number): boolean =>
  wallMs < notBeforeMs || wallMs > notAfterMs

/** A certificate that has not begun by this clock: this clock is behind, or that of the issuer was ahead. */
export const isAhead = ({ notBeforeMs }: Pick<Membership, 'notBeforeMs'>, wallMs: number): boolean =>
  notBeforeMs > wallMs + CLOCK_LEEWAY_MS

/**
 * Whether a certificate shows that the clock of its issuer was wrong: it ended before there was any build, or begins
 * further ahead than a certificate lives. A clock that is some weeks behind does not make it so.
 */
export const isMisdated = (
  { notBeforeMs, notAfterMs }: Pick<Membership, 'notBeforeMs' | 'notAfterMs'>,
  wallMs: number
): boolean =>
  wallMs >= CLOCK_MIN_MS && (notAfterMs < CLOCK_MIN_MS || notBeforeMs > wallMs + CERTIFICATE_LIFE_MS)

/**
 * Whether `one` was issued after `other`, to the same device; an issuer that knows the other sees to it. One that
 * is misdated is later than none.
 */
export function isLater(one: Membership, other: Membership, wallMs: number): boolean {
  if (one.replaces === other.serial) return true
  if (other.replaces === one.serial) return false
  const misdated = isMisdated(other, wallMs)
  if (isMisdated(one, wallMs) !== misdated) return misdated
  return one.notBeforeMs === other.notBeforeMs
    ? one.notAfterMs > other.notAfterMs
    : one.notBeforeMs > other.notBeforeMs
}

function checkTime({ notBeforeMs, notAfterMs }: Certificate, subject: string, wallMs: number): void {
  if (notAfterMs - notBeforeMs > BACKDATED_MS + CERTIFICATE_LIFE_MS) throw invalid(subject, 'lives too long')
  if (wallMs < notBeforeMs - CLOCK_LEEWAY_MS)
    throw expired(subject, 'is not valid yet: the clock of this device or of the issuer is wrong')
  if (wallMs > notAfterMs + CLOCK_LEEWAY_MS) throw expired(subject, 'has expired')
}

const invalid = (subject: string, why: string): LumosError =>
  new LumosError('CERTIFICATE_INVALID', `The certificate of ${subject} ${why}.`)

const expired = (subject: string, why: string): LumosError =>
  new LumosError('CERTIFICATE_EXPIRED', `The certificate of ${subject} ${why}.`)
