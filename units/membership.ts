/** The mesh of this node: its members, its name, and its root key. */

import * as z from 'zod'
import { type LumosMesh, MemberInfo, MeshInfo } from '../interface/mesh.ts'
import { DeviceName } from '../interface/names.ts'
import type { LumosNode } from '../interface/node.ts'
import { defineUnit } from './define-unit.ts'

/** A root key is below 100 characters. */
const KEY_CHARS_MAX = 256

const Nothing = z.strictObject({})
/** PeerId or name. */
const Peer = z.string().min(1).max(128)

const show = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.show',
    kind: 'query',
    permission: 'read',
    summary: 'The mesh of this node: its name and id, what this node may do in it, who holds the root key.',
    input: Nothing,
    output: MeshInfo,
    run: async () => mesh.info()
  })

const members = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.members',
    kind: 'query',
    permission: 'read',
    summary: 'Every device that belongs to the mesh.',
    input: Nothing,
    output: z.strictObject({ items: z.array(MemberInfo) }),
    run: async () => ({ items: mesh.members() })
  })

const revoke = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.revoke',
    kind: 'command',
    permission: 'manage',
    summary: 'Remove a device from the mesh for good.',
    examples: [{ input: { peer: 'old-laptop' } }],
    input: z.strictObject({ peer: Peer }),
    output: MemberInfo,
    run: ({ peer }) => mesh.revoke(peer)
  })

const promote = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.promote',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Make a member an admin. Only a device that holds the root key can.',
    examples: [{ input: { peer: 'attic' } }],
    input: z.strictObject({ peer: Peer }),
    output: MemberInfo,
    run: ({ peer }) => mesh.promote(peer)
  })

const leave = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.leave',
    kind: 'command',
    permission: 'manage',
    summary: 'Forget this mesh, and begin one of this node alone.',
    input: Nothing,
    output: MeshInfo,
    run: () => mesh.leave()
  })

const renewIdentity = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.renew_identity',
    kind: 'command',
    permission: 'keys',
    summary:
      'Leave the mesh and begin one of this node alone, under another key: the way back after a removal.',
    input: Nothing,
    output: MeshInfo,
    run: () => mesh.leave({ newIdentity: true })
  })

const rename = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.rename',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Give the mesh another name, on every device.',
    examples: [{ input: { name: 'flat' } }],
    input: z.strictObject({ name: DeviceName }),
    output: MeshInfo,
    run: ({ name }) => mesh.rename(name)
  })

const renameDevice = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.rename_device',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Give this node another name on every device; an admin must be connected.',
    examples: [{ input: { name: 'attic' } }],
    input: z.strictObject({ name: DeviceName }),
    output: MeshInfo,
    run: ({ name }) => mesh.renameDevice(name)
  })

const exportRoot = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.export_root',
    kind: 'command',
    permission: 'keys',
    summary: 'Give out the root key of the mesh, and take it off this device if wanted.',
    examples: [{ input: { remove: false } }],
    input: z.strictObject({ remove: z.boolean().optional() }),
    output: z.strictObject({ rootKey: z.string() }),
    run: async ({ remove }) => ({ rootKey: mesh.exportRoot({ remove }) })
  })

const importRoot = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.import_root',
    kind: 'command',
    permission: 'keys',
    idempotent: true,
    summary: 'Put the root key of a mesh on this device, which makes it an admin.',
    examples: [{ input: { root_key: 'lumos-root:…' } }],
    input: z.strictObject({ rootKey: z.string().min(1).max(KEY_CHARS_MAX) }),
    output: MeshInfo,
    run: ({ rootKey }) => mesh.importRoot(rootKey)
  })

const UNITS = [
  show,
  members,
  revoke,
  promote,
  leave,
  renewIdentity,
  rename,
  renameDevice,
  exportRoot,
  importRoot
]

export const membershipUnits = ({ mesh }: LumosNode) => UNITS.map(unit => unit(mesh))
