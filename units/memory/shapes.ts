/** What units of memory take and give, in the names of the code. */

import * as z from 'zod'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import { PeerIdText } from '../../interface/membership.ts'
import {
  DocKind,
  DocName,
  MemoryKey,
  type MemoryValue,
  SPACE_PARTS,
  SPACE_RIGHTS,
  SpaceId,
  type SpaceInfo,
  SpaceName
} from '../../interface/memory.ts'
import type { LumosNode } from '../../interface/node.ts'
import { closestNames } from '../../interface/suggest.ts'

export type MemoryNode = Pick<LumosNode, 'memory' | 'mesh'>

/** An envelope holds 256 KiB, encrypted; the JSON of a text of escapes is six times as long. */
export const WRITE_BYTES_MAX = 2 * 1024 * 1024
/** What an export of a space may be, as text in JSON: the longest body that the gateway takes. */
export const IMPORT_BYTES_MAX = 40 * 1024 * 1024
/** The map that `memory set` writes where no document is named. */
const DEFAULT_DOC = 'default'
export const PEER_CHARS_MAX = 128

/** Its name on this device, or its id. */
export const SpaceRef = z.union([SpaceName, SpaceId]).describe('a space, by its name here or its id')
export const Doc = DocName.default(DEFAULT_DOC).describe('the name of a document of the space')
export const Key = MemoryKey
/** Any JSON; the document checks its depth and size. */
export const Value = z.unknown()
export const toValue = (value: unknown): MemoryValue => value as MemoryValue
export const Right = z.enum(SPACE_RIGHTS)
export const Written = z.strictObject({ seq: z.int(), id: z.string().nullable() })

export const To = z.strictObject({
  space: SpaceRef,
  /** A device: PeerId or name. */
  peer: z.string().min(1).max(PEER_CHARS_MAX).optional(),
  /** Each device of this role, those that join later too. */
  role: z.enum(['admin', 'member', 'edge', 'guest']).optional()
})

/** @throws {LumosError} `INVALID_INPUT` unless one of both is there, `PEER_NOT_FOUND` */
export function grantee(
  { peer, role }: Omit<z.output<typeof To>, 'space'>,
  peerIdOf: (peer: string) => string
) {
  if ((peer === undefined) === (role === undefined))
    throw new LumosError('INVALID_INPUT', 'Name one device as `peer`, or one `role`.')
  return peer === undefined ? { role: role! } : { peerId: peerIdOf(peer) }
}

/** @throws {LumosError} `PEER_NOT_FOUND` */
export function memberOf({ mesh }: MemoryNode, peer: string): string {
  const members = mesh.members()
  const member = members.find(({ peerId, name }) => peerId === peer || name === peer)
  if (member !== undefined) return member.peerId
  const closest = closestNames(
    peer,
    members.map(({ name }) => name)
  )
  throw new LumosError('PEER_NOT_FOUND', `No device of this mesh is called "${peer}".`, {
    hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See: lumos-node members'
  })
}

/** Also a device that was removed from the mesh: what it wrote is still here. @throws {LumosError} `PEER_NOT_FOUND` */
export function writerOf(node: MemoryNode, peer: string): string {
  if (PeerIdText.safeParse(peer).success) return peer
  try {
    return memberOf(node, peer)
  } catch (thrown) {
    const { code, message, hint } = toLumosError(thrown)
    throw new LumosError(code, message, {
      hint: `${hint} One that was removed is named by its PeerId: lumos-node memory history SPACE --json`
    })
  }
}

/** What the mesh calls a device; null of one that is no member. */
export const DeviceName = z.string().nullable()
export const nameOf = ({ mesh }: MemoryNode, peerId: string): string | null =>
  mesh.members().find(member => member.peerId === peerId)?.name ?? null

export const Space = z.strictObject({
  name: z.string(),
  id: z.string(),
  right: Right,
  shared: z.boolean(),
  grants: z.array(
    z.strictObject({
      peerId: z.string().nullable(),
      name: DeviceName,
      role: z.string().nullable(),
      right: Right
    })
  ),
  hash: z.string().nullable(),
  docs: z.int(),
  entries: z.int(),
  bytes: z.int(),
  part: z.enum(SPACE_PARTS),
  log: z.strictObject({ here: z.int(), inSnapshot: z.int() }),
  peers: z.array(z.strictObject({ peerId: z.string(), name: DeviceName, inStep: z.boolean() }))
})
export type Space = z.infer<typeof Space>

export const toSpace = (node: MemoryNode, { grants, peers, ...info }: SpaceInfo): Space => ({
  ...info,
  grants: grants.map(({ to, right }) => ({
    peerId: 'peerId' in to ? to.peerId : null,
    name: 'peerId' in to ? nameOf(node, to.peerId) : null,
    role: 'role' in to ? to.role : null,
    right
  })),
  peers: peers.map(peer => ({ ...peer, name: nameOf(node, peer.peerId) }))
})

export const DocList = z.strictObject({
  items: z.array(z.strictObject({ name: z.string(), kind: DocKind, entries: z.int(), bytes: z.int() }))
})
