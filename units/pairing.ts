/** How devices come into a mesh: by a code, or by a request on the local network. */

import * as z from 'zod'
import { TimeoutError } from '../interface/errors.ts'
import { Role } from '../interface/membership.ts'
import {
  Asking,
  FoundMesh,
  Invitation,
  Joined,
  JoinRequest,
  type LumosMesh,
  NearbyMesh
} from '../interface/mesh.ts'
import { DeviceName } from '../interface/names.ts'
import type { LumosNode } from '../interface/node.ts'
import type { UnitContext } from '../interface/units.ts'
import { defineUnit } from './define-unit.ts'

/** A code of twelve addresses is below 600 characters. */
const CODE_CHARS_MAX = 2048

const Nothing = z.strictObject({})
/** PeerId or name. */
const Peer = z.string().min(1).max(128)

const JoinNearby = z.strictObject({
  /** Name or id, when several meshes are near. */
  mesh: z.string().min(1).max(128).optional(),
  name: DeviceName.optional()
})

/** The mesh that is asked; the phrase to compare, for each device that answered; then the outcome. */
const JoinStep = z.discriminatedUnion('type', [
  FoundMesh.extend({ type: z.literal('found') }),
  Asking.extend({ type: z.literal('asking') }),
  Joined.extend({ type: z.literal('joined') })
])
type JoinStep = z.infer<typeof JoinStep>

const invite = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.invite',
    kind: 'command',
    permission: 'manage',
    summary: 'Make a code that lets one device join, within ten minutes.',
    examples: [{ input: { role: 'member' } }],
    input: z.strictObject({ role: Role.optional() }),
    output: Invitation,
    run: async ({ role }) => mesh.invite({ role })
  })

const join = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.join',
    kind: 'command',
    permission: 'manage',
    summary: 'Join the mesh that a code invites to.',
    examples: [{ input: { code: 'lumos:…', name: 'attic' } }],
    input: z.strictObject({ code: z.string().min(1).max(CODE_CHARS_MAX), name: DeviceName.optional() }),
    output: Joined,
    run: ({ code, name }, { signal }) => mesh.join(code, { name, signal })
  })

const nearby = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.nearby',
    kind: 'query',
    permission: 'read',
    summary: 'Other meshes that were seen on the local network.',
    input: Nothing,
    output: z.strictObject({ items: z.array(NearbyMesh) }),
    run: async () => ({ items: mesh.nearby() })
  })

const joinNearby = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.join_nearby',
    kind: 'command',
    permission: 'manage',
    summary:
      'Ask a mesh on the local network to be let in. Streams the mesh, the phrase to compare, then the outcome.',
    examples: [{ input: { mesh: 'flat', name: 'attic' } }],
    input: JoinNearby,
    output: Joined,
    item: JoinStep,
    run: ({ mesh: wanted, name }, { signal }) => mesh.joinNearby({ mesh: wanted, name, signal }),
    stream: (input, context) => askNearby(mesh, input, context)
  })

const listen = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.listen',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Let devices on the local network ask to join, for ten minutes.',
    input: Nothing,
    output: z.strictObject({ untilMs: z.int() }),
    run: async () => ({ untilMs: mesh.listen() })
  })

const requests = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.requests',
    kind: 'query',
    permission: 'read',
    summary: 'The devices that ask to join.',
    input: Nothing,
    output: z.strictObject({ items: z.array(JoinRequest) }),
    run: async () => ({ items: mesh.requests() })
  })

const approve = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.approve',
    kind: 'command',
    permission: 'manage',
    summary: 'Let a device in that asks to join, once both screens show the same phrase.',
    examples: [{ input: { peer: 'attic', role: 'member' } }],
    input: z.strictObject({ peer: Peer, role: Role.optional() }),
    output: JoinRequest,
    run: async ({ peer, role }) => mesh.approve(peer, { role })
  })

const deny = (mesh: LumosMesh) =>
  defineUnit({
    name: 'mesh.deny',
    kind: 'command',
    permission: 'manage',
    summary: 'Turn a device away that asks to join.',
    examples: [{ input: { peer: 'attic' } }],
    input: z.strictObject({ peer: Peer }),
    output: JoinRequest,
    run: async ({ peer }) => mesh.deny(peer)
  })

const UNITS = [invite, join, nearby, joinNearby, listen, requests, approve, deny]

export const pairingUnits = ({ mesh }: LumosNode) => UNITS.map(unit => unit(mesh))

async function* askNearby(
  mesh: LumosNode['mesh'],
  { mesh: wanted, name }: z.infer<typeof JoinNearby>,
  { signal }: UnitContext
): AsyncGenerator<JoinStep> {
  const steps: JoinStep[] = []
  let wake = Promise.withResolvers<void>()
  let joined: z.infer<typeof Joined> | undefined
  const step = (next: JoinStep): void => {
    steps.push(next)
    wake.resolve()
  }
  const left = new AbortController()
  const joining = mesh
    .joinNearby({
      mesh: wanted,
      name,
      signal: AbortSignal.any(signal ? [signal, left.signal] : [left.signal]),
      onFound: found => step({ type: 'found', ...found }),
      onAsking: asking => step({ type: 'asking', ...asking })
    })
    .then(result => {
      joined = result
    })
  try {
    while (joined === undefined) {
      await Promise.race([joining, wake.promise])
      wake = Promise.withResolvers()
      yield* steps.splice(0)
    }
    yield { type: 'joined', ...joined }
  } finally {
    left.abort(new TimeoutError('The caller left before the answer came.'))
    await joining.catch(() => {})
  }
}
