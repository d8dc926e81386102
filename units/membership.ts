/** Who belongs to the mesh, and how devices come and go. */

import * as z from 'zod'
import { TimeoutError } from '../interface/errors.ts'
import { Role } from '../interface/membership.ts'
import {
  Asking,
  Invitation,
  Joined,
  JoinRequest,
  MemberInfo,
  MeshInfo,
  NearbyMesh
} from '../interface/mesh.ts'
import { DeviceName } from '../interface/names.ts'
import type { LumosNode } from '../interface/node.ts'
import type { UnitContext } from '../interface/units.ts'
import { defineUnit } from './define-unit.ts'

/** A code of six addresses is below 500 characters; a root key below 100. */
const CODE_CHARS_MAX = 2048

const Nothing = z.strictObject({})
/** PeerId or name. */
const Peer = z.string().min(1).max(128)
const Code = z.string().min(1).max(CODE_CHARS_MAX)

const JoinNearby = z.strictObject({
  /** Name or id, when several meshes are near. */
  mesh: z.string().min(1).max(128).optional(),
  name: DeviceName.optional()
})

/** The phrase to compare, for each device that was asked; then the outcome. */
const JoinStep = z.discriminatedUnion('type', [
  Asking.extend({ type: z.literal('asking') }),
  Joined.extend({ type: z.literal('joined') })
])
type JoinStep = z.infer<typeof JoinStep>

export const membershipUnits = ({ mesh }: LumosNode) => [
  defineUnit({
    name: 'mesh.show',
    kind: 'query',
    summary: 'The mesh of this node: its name and id, what this node may do in it, who holds the root key.',
    input: Nothing,
    output: MeshInfo,
    run: async () => mesh.info()
  }),
  defineUnit({
    name: 'mesh.members',
    kind: 'query',
    summary: 'Every device that belongs to the mesh.',
    input: Nothing,
    output: z.strictObject({ items: z.array(MemberInfo) }),
    run: async () => ({ items: mesh.members() })
  }),
  defineUnit({
    name: 'mesh.invite',
    kind: 'command',
    summary: 'Make a code that lets one device join, within ten minutes.',
    input: z.strictObject({ role: Role.optional() }),
    output: Invitation,
    run: async ({ role }) => mesh.invite({ role })
  }),
  defineUnit({
    name: 'mesh.join',
    kind: 'command',
    summary: 'Join the mesh that a code invites to.',
    input: z.strictObject({ code: Code, name: DeviceName.optional() }),
    output: Joined,
    run: ({ code, name }, { signal }) => mesh.join(code, { name, signal })
  }),
  defineUnit({
    name: 'mesh.nearby',
    kind: 'query',
    summary: 'Other meshes that were seen on the local network.',
    input: Nothing,
    output: z.strictObject({ items: z.array(NearbyMesh) }),
    run: async () => ({ items: mesh.nearby() })
  }),
  defineUnit({
    name: 'mesh.join_nearby',
    kind: 'command',
    summary: 'Ask a mesh on the local network to be let in. Streams the phrase to compare, then the outcome.',
    input: JoinNearby,
    output: Joined,
    item: JoinStep,
    run: ({ mesh: wanted, name }, { signal }) => mesh.joinNearby({ mesh: wanted, name, signal }),
    stream: (input, context) => askNearby(mesh, input, context)
  }),
  defineUnit({
    name: 'mesh.listen',
    kind: 'command',
    summary: 'Let devices on the local network ask to join, for ten minutes.',
    input: Nothing,
    output: z.strictObject({ untilMs: z.int() }),
    run: async () => ({ untilMs: mesh.listen() })
  }),
  defineUnit({
    name: 'mesh.requests',
    kind: 'query',
    summary: 'The devices that ask to join.',
    input: Nothing,
    output: z.strictObject({ items: z.array(JoinRequest) }),
    run: async () => ({ items: mesh.requests() })
  }),
  defineUnit({
    name: 'mesh.approve',
    kind: 'command',
    summary: 'Let a device in that asks to join, once both screens show the same phrase.',
    input: z.strictObject({ peer: Peer, role: Role.optional() }),
    output: JoinRequest,
    run: async ({ peer, role }) => mesh.approve(peer, { role })
  }),
  defineUnit({
    name: 'mesh.deny',
    kind: 'command',
    summary: 'Turn a device away that asks to join.',
    input: z.strictObject({ peer: Peer }),
    output: JoinRequest,
    run: async ({ peer }) => mesh.deny(peer)
  }),
  defineUnit({
    name: 'mesh.revoke',
    kind: 'command',
    summary: 'Remove a device from the mesh for good.',
    input: z.strictObject({ peer: Peer }),
    output: MemberInfo,
    run: ({ peer }) => mesh.revoke(peer)
  }),
  defineUnit({
    name: 'mesh.promote',
    kind: 'command',
    summary: 'Make a member an admin. Only a device that holds the root key can.',
    input: z.strictObject({ peer: Peer }),
    output: MemberInfo,
    run: ({ peer }) => mesh.promote(peer)
  }),
  defineUnit({
    name: 'mesh.leave',
    kind: 'command',
    summary: 'Forget this mesh, and begin one of this node alone.',
    input: Nothing,
    output: MeshInfo,
    run: () => mesh.leave()
  }),
  defineUnit({
    name: 'mesh.renew_identity',
    kind: 'command',
    summary:
      'Leave the mesh and begin one of this node alone, under another key: the way back after a removal.',
    door: 'local',
    input: Nothing,
    output: MeshInfo,
    run: () => mesh.leave({ newIdentity: true })
  }),
  defineUnit({
    name: 'mesh.rename',
    kind: 'command',
    summary: 'Call the mesh otherwise, on every device.',
    input: z.strictObject({ name: DeviceName }),
    output: MeshInfo,
    run: ({ name }) => mesh.rename(name)
  }),
  defineUnit({
    name: 'mesh.export_root',
    kind: 'command',
    door: 'local',
    summary: 'Give out the root key of the mesh, and take it off this device if wanted.',
    input: z.strictObject({ remove: z.boolean().optional() }),
    output: z.strictObject({ rootKey: z.string() }),
    run: async ({ remove }) => ({ rootKey: mesh.exportRoot({ remove }) })
  }),
  defineUnit({
    name: 'mesh.import_root',
    kind: 'command',
    door: 'local',
    summary: 'Put the root key of a mesh on this device, which makes it an admin.',
    input: z.strictObject({ rootKey: Code }),
    output: MeshInfo,
    run: ({ rootKey }) => mesh.importRoot(rootKey)
  })
]

async function* askNearby(
  mesh: LumosNode['mesh'],
  { mesh: wanted, name }: z.infer<typeof JoinNearby>,
  { signal }: UnitContext
): AsyncGenerator<JoinStep> {
  const asked: JoinStep[] = []
  let wake = Promise.withResolvers<void>()
  let joined: z.infer<typeof Joined> | undefined
  const left = new AbortController()
  const joining = mesh
    .joinNearby({
      mesh: wanted,
      name,
      signal: AbortSignal.any(signal ? [signal, left.signal] : [left.signal]),
      onAsking(asking) {
        asked.push({ type: 'asking', ...asking })
        wake.resolve()
      }
    })
    .then(result => {
      joined = result
    })
  try {
    while (joined === undefined) {
      await Promise.race([joining, wake.promise])
      wake = Promise.withResolvers()
      yield* asked.splice(0)
    }
    yield { type: 'joined', ...joined }
  } finally {
    left.abort(new TimeoutError('Nobody waits for the answer any more.'))
    await joining.catch(() => {})
  }
}
