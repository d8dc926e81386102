/** What happens on a node, as others may watch it: the same names in process, over HTTP and in logs. */

import * as z from 'zod'
import { Role } from './membership.ts'
import { JoinRequest } from './mesh.ts'

const Peer = z.strictObject({ peerId: z.string(), name: z.string().optional() })
const Request = z.strictObject({ requestId: z.string(), task: z.string(), model: z.string().optional() })

export const EVENTS = {
  /** A peer's connection is up and its manifest is known. */
  'peer.joined': Peer,
  /** The last connection to a peer is gone. */
  'peer.left': Peer,
  /** One key is in use on two devices: it was copied, and should be revoked. */
  'peer.duplicated': Peer,
  /** First sight of a peer's manifest, or a newer one replacing it. */
  'manifest.updated': z.strictObject({
    peerId: z.string(),
    epoch: z.int(),
    sequence: z.int(),
    capabilities: z.int()
  }),
  /** A device of another mesh was met, which one could ask to join. */
  'mesh.seen': z.strictObject({ meshId: z.string(), mesh: z.string(), peerId: z.string() }),
  /** This node has entered another mesh. */
  'mesh.joined': z.strictObject({ meshId: z.string(), mesh: z.string() }),
  /** An admin has given the mesh another name. */
  'mesh.renamed': z.strictObject({ mesh: z.string() }),
  /** First sight of a member's certificate. */
  'mesh.member_joined': z.strictObject({ peerId: z.string(), name: z.string(), role: Role }),
  /** A device belongs to the mesh no more. */
  'mesh.member_revoked': Peer,
  /** An admin has let in or removed as many devices as nodes keep of one: no person does that, and the root should remove it. */
  'mesh.admin_room_full': Peer.extend({ room: z.enum(['members', 'revocations']) }),
  /** A device asks to be let in; a person must compare the phrase, and decide. */
  'mesh.join_requested': JoinRequest,
  /** A device has used an invitation of this node; its screen shows the same phrase. */
  'mesh.invite_used': z.strictObject({
    peerId: z.string(),
    name: z.string(),
    role: Role,
    phrase: z.string()
  }),
  /** The disk begins to refuse what is to be stored, or takes everything again. */
  'node.storage_changed': z.strictObject({ code: z.string().nullable(), message: z.string().nullable() }),
  'inference.request_started': Request,
  'inference.request_completed': Request.extend({
    peerId: z.string(),
    route: z.enum(['local', 'remote']),
    durationMs: z.number()
  }),
  'inference.request_failed': Request.extend({ code: z.string(), durationMs: z.number() }),
  /** A peer's request was accepted here: it is answered, or waits for a slot. */
  'inference.serving_started': Request.extend({ peerId: z.string() }),
  /** The work on a peer's request is over; `code` says why when it was not answered. */
  'inference.serving_ended': Request.extend({
    peerId: z.string(),
    code: z.string().optional(),
    durationMs: z.number()
  })
} as const

export type EventName = keyof typeof EVENTS
export type EventData<N extends EventName> = z.infer<(typeof EVENTS)[N]>
/** Listeners get an event whose `detail` is the data. */
export type LumosEvents = { [N in EventName]: CustomEvent<EventData<N>> }
