/**
 * Membership of a mesh: the words for it, and their form.
 *
 * A mesh is a root key; its id is that key's PeerId. The root signs the
 * certificates of admins, admins sign those of devices, and so a chain is at most
 * two long and ends at the id everybody knows.
 */

import * as z from 'zod'
import { WireName } from './names.ts'

/**
 * `admin`: may invite and revoke. `member`: everything else. `edge`: asks and
 * offers, and keeps no memory: for machines that others can look into. `guest`:
 * may ask, offers nothing, sees no memory.
 */
export const ROLES = ['admin', 'member', 'edge', 'guest'] as const
export const Role = z.enum(ROLES)
export type Role = z.infer<typeof Role>

/** Most peers that one thing is offered to by name. */
const ACCESS_PEERS_MAX = 64
/** To whom a capability is offered: everyone, some roles, or peers by id or by their name in the mesh. */
export const Access = z.union([
  z.literal('everyone'),
  z.strictObject({
    roles: z.array(Role).max(ROLES.length).optional(),
    peers: z.array(z.string().min(1).max(128)).max(ACCESS_PEERS_MAX).optional()
  })
])
export type Access = z.infer<typeof Access>

export const PeerIdText = z.string().regex(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/, 'expected an Ed25519 PeerId')
/** Milliseconds since the Unix epoch. */
const WallMs = z.int().min(0)

/** Certificates live this long from when they are issued: it bounds the harm of a revocation that was never heard of. */
export const CERTIFICATE_LIFE_MS = 90 * 24 * 3600 * 1000
/**
 * Certificates begin this long before they are issued: the clocks of two devices may each be a day off, in
 * opposite directions, as that of a small board without a battery is until it has asked a server.
 */
export const BACKDATED_MS = 2 * 24 * 3600 * 1000

/** Root → admin → device: two certificates prove a device, one an admin. */
export const CHAIN_LENGTH_MAX = 2

/** Admins that have renewed one device in turn. A mesh has a few admins, and eight PeerIds take 432 bytes of a certificate. */
export const VOUCHERS_MAX = 8

const Serial = z.string().regex(/^[0-9a-f]{32}$/)

/**
 * A reader drops the keys that it does not know. A certificate that narrows what its subject may do therefore
 * has a `version` or a `role` of its own, which refuses it where it is not understood.
 */
export const Certificate = z.object({
  version: z.literal(1),
  /** Id of the mesh. */
  mesh: PeerIdText,
  /** The root, for an admin; an admin, for anybody else. */
  issuer: PeerIdText,
  subject: PeerIdText,
  role: Role,
  /** What the device is called in the mesh; its issuer sees to it that no other member is called so. */
  name: WireName,
  /** Random; tells two certificates of one device apart. */
  serial: Serial,
  notBeforeMs: WallMs,
  notAfterMs: WallMs,
  /**
   * Where the issuer has renewed a certificate of another admin: that admin, and those before it. The removal of
   * any of them takes this certificate away. A reader that drops the key judges by the issuer alone.
   */
  vouchers: z.array(PeerIdText).max(VOUCHERS_MAX).optional(),
  /**
   * Serial of a certificate of the same device that this one replaces although that one begins later: the clock of
   * its issuer was ahead. A reader that drops the key goes by the beginnings alone.
   */
  replaces: Serial.optional()
})
export type Certificate = z.infer<typeof Certificate>

/**
 * Irreversible: a device that comes back gets a new key. A reader drops the keys that it does not know, so a
 * key may only soften a revocation: an older reader removes the device in any case.
 */
export const Revocation = z.object({
  version: z.literal(1),
  mesh: PeerIdText,
  issuer: PeerIdText,
  /** The device that belongs no more. */
  subject: PeerIdText,
  revokedAtMs: WallMs
})
export type Revocation = z.infer<typeof Revocation>

/** What a checked chain of certificates says of its subject. */
export interface Membership {
  readonly peerId: string
  readonly role: Role
  readonly name: string
  readonly serial: string
  readonly issuer: string
  /** The admins whose certificates the issuer has renewed; see {@link Certificate}. */
  readonly vouchers: readonly string[]
  /** Counts less than this certificate, whenever it begins; see {@link Certificate}. */
  readonly replaces?: string | undefined
  /** Of two certificates of one device the one that begins later counts. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** To whom this node offers one of its models. */
export const Offering = z.strictObject({
  model: z.string(),
  /** Null when to nobody else. */
  offeredTo: Access.nullable()
})
export type Offering = z.infer<typeof Offering>
