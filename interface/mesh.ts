/**
 * A mesh as its members meet it: its devices, and how they come and go.
 * What it tells are schemas, from which HTTP and CLI derive their output.
 */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'
import { Role } from './membership.ts'

const WallMs = z.int().min(0)

export const MemberInfo = z.strictObject({
  peerId: z.string(),
  /** Unique among the members. */
  name: z.string(),
  role: Role,
  /** When its certificate ends unless it is renewed, as it is while an admin can be reached. */
  expiresAtMs: WallMs,
  /** Connected to this node now. */
  online: z.boolean(),
  /** This node. */
  self: z.boolean(),
  /** Two homes were lately seen to use its key. */
  duplicated: z.boolean()
})
export type MemberInfo = z.infer<typeof MemberInfo>

/** In the order in which they press. */
export const ADVICE_CODES = [
  'removed',
  'orphan',
  'expired',
  'ahead',
  'copied',
  'behind',
  'said_removed',
  'clocks',
  'one_admin',
  'renewal_late',
  'root_renews'
] as const
export type AdviceCode = (typeof ADVICE_CODES)[number]

export const MeshInfo = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** What this node is in it; null once it was removed or its certificate has expired. */
  role: Role.nullable(),
  /** What this node is called in it. */
  deviceName: z.string(),
  /** When this node's own certificate ends. */
  expiresAtMs: WallMs.nullable(),
  /** Whether this node holds the root key, which alone makes and removes admins. */
  holdsRoot: z.boolean(),
  members: z.int(),
  admins: z.int(),
  /** What its owner had better do, in sentences. */
  advice: z.array(z.string()),
  /** What each of them says, in the same order. */
  adviceCodes: z.array(z.enum(ADVICE_CODES))
})
export type MeshInfo = z.infer<typeof MeshInfo>

export const Invitation = z.strictObject({
  /** A link that lets one device in: the first device that shows it. So it is a secret. */
  code: z.string(),
  role: Role,
  expiresAtMs: WallMs,
  /** Addresses of this node that the code has no room for: the least likely ones. */
  leftOut: z.array(z.string())
})
export type Invitation = z.infer<typeof Invitation>

export const Joined = z.strictObject({
  mesh: z.string(),
  meshId: z.string(),
  /** What this node is called there; not what was wished for when another member has that name. */
  name: z.string(),
  role: Role,
  /** The same words as on the inviter's screen. */
  phrase: z.string()
})
export type Joined = z.infer<typeof Joined>

/** Another mesh, seen on the local network. */
export const NearbyMesh = z.strictObject({
  mesh: z.string(),
  meshId: z.string(),
  /** PeerIds of its devices that were seen. */
  devices: z.array(z.string())
})
export type NearbyMesh = z.infer<typeof NearbyMesh>

/** This node asks to join, and waits for a person on the other side. */
export const Asking = z.strictObject({
  mesh: z.string(),
  meshId: z.string(),
  peerId: z.string(),
  /** Must be the same words as on the other screen. */
  phrase: z.string()
})
export type Asking = z.infer<typeof Asking>

export const JoinRequest = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  /** Must be the same words as on the other screen. */
  phrase: z.string(),
  expiresAtMs: WallMs
})
export type JoinRequest = z.infer<typeof JoinRequest>

/** The mesh that is asked from now on, until an admin has decided. */
export const FoundMesh = z.strictObject({ mesh: z.string(), meshId: z.string() })
export type FoundMesh = z.infer<typeof FoundMesh>

export interface JoinNearbyOptions extends AbortOptions {
  /** Name or id of the mesh, when several are near. */
  readonly mesh?: string
  /** What this node wants to be called there. */
  readonly name?: string
  /** Called once, before any device answers. */
  onFound?(found: FoundMesh): void
  /** Called once for each device that was asked. */
  onAsking?(asking: Asking): void
}

export interface LumosMesh {
  info(): MeshInfo
  members(): MemberInfo[]
  /**
   * @param peer PeerId or name.
   * @throws {LumosError} `PEER_NOT_FOUND`, or `INVALID_INPUT` when several have that name.
   */
  member(peer: string): MemberInfo

  /**
   * Let one device in, within ten minutes.
   *
   * @throws {LumosError} `NOT_ADMIN`; for another admin, unless this node holds the root key.
   */
  invite(options?: { role?: Role }): Invitation
  /**
   * Enter the mesh that `code` invites to, and leave the one this node is alone in.
   *
   * @throws {LumosError} `INVITE_INVALID`, `INVITE_USED`, `INVITE_EXPIRED`, `PEER_UNREACHABLE`, `PEER_REVOKED` when this
   *   device was removed from that mesh, or `DENIED` when it is in a mesh with others.
   */
  join(code: string, options?: AbortOptions & { name?: string }): Promise<Joined>

  /** Meshes that were seen on the local network. */
  nearby(): NearbyMesh[]
  /** Ask a mesh on the local network, until an admin has decided, ten minutes at most. */
  joinNearby(options?: JoinNearbyOptions): Promise<Joined>
  /**
   * Let devices on the network ask to join, for ten minutes.
   *
   * @returns when that ends.
   * @throws {LumosError} `NOT_ADMIN`.
   */
  listen(): number
  /** Devices that ask to join. */
  requests(): JoinRequest[]
  /** @throws {LumosError} `PEER_NOT_FOUND` when `peer`, a PeerId or name, does not ask. */
  approve(peer: string, options?: { role?: Role }): JoinRequest
  deny(peer: string): JoinRequest

  /**
   * Remove a device for good, everywhere.
   *
   * @param peer PeerId or name.
   * @throws {LumosError} `NOT_ADMIN`, `PEER_NOT_FOUND`, or `INVALID_INPUT` when several have that name.
   */
  revoke(peer: string): Promise<MemberInfo>
  /**
   * Make a member an admin. It is one here at once, and elsewhere once it has met a device that knows.
   *
   * @param peer PeerId or name.
   * @throws {LumosError} `NOT_ADMIN` unless this node holds the root key; else as {@link revoke}.
   */
  promote(peer: string): Promise<MemberInfo>
  /**
   * Forget this mesh, and begin one of its own.
   *
   * @param options.newIdentity under another key, as a new device: the way back for one that was removed.
   * @throws {LumosError} `DENIED` while this node holds the root key of a mesh with others, or is alone already
   *   and wants no other key.
   */
  leave(options?: { newIdentity?: boolean }): Promise<MeshInfo>
  /** @throws {LumosError} `NOT_ADMIN`. */
  rename(name: string): Promise<MeshInfo>
  /**
   * Give this node another name on all members. Where a member has that name, or had it, a number is put behind it:
   * `deviceName` says what it became.
   *
   * @throws {LumosError} `PEER_UNREACHABLE` when no connected admin signs the name.
   */
  renameDevice(name: string): Promise<MeshInfo>

  /**
   * The root key as text: its holder owns the mesh.
   *
   * @param options.remove also take it off this device.
   * @throws {LumosError} `DENIED` when this node does not hold it.
   */
  exportRoot(options?: { remove?: boolean }): string
  /**
   * Make this device an admin that holds the root key, of the mesh whose key it is.
   *
   * @throws {LumosError} `INVALID_INPUT` when it is no root key, or `DENIED` when this node is in another mesh with others.
   */
  importRoot(text: string): Promise<MeshInfo>
}
