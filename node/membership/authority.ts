/**
 * What only the holders of keys can do: found a mesh, issue certificates, remove
 * devices.
 */

import { randomBytes } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { CLOCK_MIN_MS, type Clock } from '../../interface/clock.ts'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import { BACKDATED_MS, CERTIFICATE_LIFE_MS, type Membership, type Role } from '../../interface/membership.ts'
import { DeviceName } from '../../interface/names.ts'
import { sealCertificate, sealRevocation } from '../../protocols/membership/index.ts'
import type { Chain, StoredMesh } from '../../storage/mesh/mesh-store.ts'
import { isAhead, isMisdated } from './chain.ts'
import type { RevocationProof } from './members.ts'

/** What a certificate says that its issuer decides. */
export interface Grant {
  readonly subject: string
  readonly role: Role
  readonly name: string
  /** The admins whose certificates this one renews. */
  readonly vouchers?: readonly string[]
}

export interface AuthorityComponents {
  readonly clock: Clock
  readonly mesh: string
  readonly deviceKey: PrivateKey
  /** Only on devices that hold it. */
  readonly rootKey: PrivateKey | undefined
  /** This device's own certificates. */
  chain(): Chain
  /** This device's own role. */
  role(): Role | undefined
  /** @throws {LumosError} `DENIED` when nodes keep no more revocations of this admin. */
  mayRemoveMore(): void
  /** What is known of a device that may have been issued a certificate before. */
  lastKnown(peerId: string): Membership | undefined
}

/**
 * A mesh of one: a new root, and its first admin.
 *
 * @param last what the device was until now, when the mesh is not new.
 */
export async function foundMesh(
  grant: Omit<Grant, 'role'>,
  name: string,
  rootKey: PrivateKey,
  clock: Clock,
  last?: Last
): Promise<StoredMesh> {
  const id = peerIdFromPrivateKey(rootKey).toString()
  const certificate = await issueFrom(
    rootKey,
    id,
    { ...grant, role: 'admin' },
    laterThan(last, clock, isAhead)
  )
  return { id, name, namedAtMs: Math.round(clock.wallMs()), chain: [certificate] }
}

export class Authority {
  readonly #components: AuthorityComponents

  constructor(components: AuthorityComponents) {
    this.#components = components
  }

  get holdsRoot(): boolean {
    return this.#components.rootKey !== undefined
  }

  /**
   * @param anew a person lets the device in now, and sees to it that this clock is right: a certificate that has not
   * begun by it is replaced. When a device is renewed, the clock here may as well be behind.
   * @throws {LumosError} `NOT_ADMIN` unless this device is one; for an admin's, unless it holds the root key.
   */
  async issue(grant: Grant, { anew = false } = {}): Promise<Chain> {
    const { mesh, deviceKey, rootKey, clock, chain, lastKnown } = this.#components
    this.mayIssue(grant.role)
    const place = laterThan(lastKnown(grant.subject), clock, anew ? isAhead : isMisdated)
    if (grant.role !== 'admin') return [await issueFrom(deviceKey, mesh, grant, place), chain()[0]!]
    return [await issueFrom(rootKey!, mesh, grant, place)]
  }

  /** A certificate for this device itself, whether or not its last one counts. Only the root can. */
  async renewOwn({ peerId: subject, name, ...last }: Membership): Promise<Chain> {
    const { mesh, rootKey, clock } = this.#components
    if (rootKey === undefined) throw notHere('renew an admin')
    return (await foundMesh({ subject, name }, mesh, rootKey, clock, last)).chain
  }

  /** @throws {LumosError} as {@link issue}. */
  mayIssue(role: Role): void {
    this.#mustBeAdmin()
    if (role === 'admin' && !this.holdsRoot) throw notHere('make a device an admin')
  }

  /** @throws {LumosError} `NOT_ADMIN` unless this device is one; to remove an admin, unless it holds the root key. */
  async revoke(subject: string, role: Role | undefined): Promise<RevocationProof> {
    const { mesh, deviceKey, rootKey, clock, chain, mayRemoveMore } = this.#components
    this.#mustBeAdmin()
    if (role === 'admin' && rootKey === undefined) throw notHere('remove an admin')
    if (rootKey === undefined) mayRemoveMore()

    const key = rootKey ?? deviceKey
    const issuer = peerIdFromPrivateKey(key).toString()
    const revokedAtMs = Math.round(clock.wallMs())
    const { envelope } = await sealRevocation({ version: 1, mesh, issuer, subject, revokedAtMs }, key)
    return { envelope, issuerCertificate: rootKey === undefined ? chain()[0]! : null }
  }

  #mustBeAdmin(): void {
    if (this.#components.role() === 'admin') return
    throw new LumosError('NOT_ADMIN', 'This device is not an admin of its mesh.', {
      hint: 'Run this on an admin device. To see which devices are admins: lumos-node members'
    })
  }
}

type Last = Pick<Membership, 'notBeforeMs' | 'notAfterMs' | 'serial' | 'replaces'>

/** Where a certificate stands among those of its device. */
interface Issued {
  readonly issuedAtMs: number
  readonly replaces: string | undefined
}

/**
 * Of two certificates the one that was issued later counts, so the next one begins after the last, also while this
 * clock is behind. It begins now where the last one is `void`, and says that it replaces that one.
 */
function laterThan(last: Last | undefined, clock: Clock, isVoid: typeof isMisdated): Issued {
  const wallMs = clock.wallMs()
  if (last !== undefined && wallMs >= CLOCK_MIN_MS && isVoid(last, wallMs)) {
    return { issuedAtMs: Math.round(wallMs), replaces: last.serial }
  }
  const issuedAtMs = Math.max(wallMs, last === undefined ? 0 : last.notBeforeMs + BACKDATED_MS + 1)
  // A device that has not heard of the last one may hold the one before.
  return { issuedAtMs: Math.round(issuedAtMs), replaces: last?.replaces }
}

async function issueFrom(
  key: PrivateKey,
  mesh: string,
  grant: Grant,
  { issuedAtMs, replaces }: Issued
): Promise<Uint8Array> {
  const name = DeviceName.safeParse(grant.name).data
  if (name === undefined) {
    throw new InvalidInputError(`"${grant.name}" cannot be the name of a device.`)
  }
  const { envelope } = await sealCertificate(
    {
      version: 1,
      mesh,
      issuer: peerIdFromPrivateKey(key).toString(),
      ...grant,
      name,
      vouchers: grant.vouchers?.length ? [...grant.vouchers] : undefined,
      serial: randomBytes(16).toString('hex'),
      replaces,
      notBeforeMs: Math.max(0, issuedAtMs - BACKDATED_MS),
      notAfterMs: issuedAtMs + CERTIFICATE_LIFE_MS
    },
    key
  )
  return envelope
}

const notHere = (what: string): LumosError =>
  new LumosError('NOT_ADMIN', `Only a device that holds the root key of the mesh can ${what}.`, {
    hint: 'Run this on the device that has it; mesh export and mesh import bring the key to another.'
  })
