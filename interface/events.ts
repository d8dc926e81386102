/** What happens on a node, as others may watch it: the same names in process, over HTTP and in logs. */

import * as z from 'zod'
import { InvalidInputError } from './errors.ts'
import { JobProgress, JobState } from './jobs.ts'
import type { AbortOptions } from './lifecycle.ts'
import { Role } from './membership.ts'
import { JoinRequest } from './mesh.ts'
import { closestNames } from './suggest.ts'

const Peer = z.strictObject({ peerId: z.string(), name: z.string().optional() })
const Request = z.strictObject({ requestId: z.string(), task: z.string(), model: z.string().optional() })
/** With the trace of the client, where it has named one. */
const Traced = Request.extend({ traceId: z.string().optional() })
const Job = z.strictObject({ jobId: z.string(), kind: z.string() })

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
  /** The node begins to refuse requests of other devices for the sake of its user, for other reasons, or no more. */
  'node.yielding_changed': z.strictObject({ reasons: z.array(z.enum(['cpu', 'memory', 'battery'])) }),
  /** The node begins to refuse all requests of other devices because it was told to, or takes them again. */
  'node.drain_changed': z.strictObject({ drained: z.boolean() }),
  /** A job has come into another state. */
  'job.changed': Job.extend({ state: JobState }),
  /** How far a running job is; a few times a second at most. */
  'job.progress': Job.extend({ progress: JobProgress }),
  'inference.request_started': Traced,
  'inference.request_completed': Request.extend({
    peerId: z.string(),
    route: z.enum(['local', 'remote']),
    durationMs: z.number(),
    /** From the request to the first chunk of its answer. */
    firstChunkMs: z.number().optional(),
    /** As the device that answered states them. */
    inputTokens: z.number().optional(),
    outputTokens: z.number().optional()
  }),
  'inference.request_failed': Request.extend({ code: z.string(), durationMs: z.number() }),
  /** A peer's request was accepted here: it is answered, or waits for a slot. */
  'inference.serving_started': Traced.extend({ peerId: z.string() }),
  /** The work on a peer's request is over; `code` says why when it was not answered. */
  'inference.serving_ended': Request.extend({
    peerId: z.string(),
    code: z.string().optional(),
    durationMs: z.number()
  })
} as const

type CoreEvents = typeof EVENTS
/**
 * The schema of each event. A feature adds its own where it declares them, so that they are typed wherever it is loaded:
 * `declare module '…/interface/events.ts' { interface EventSchemas extends NotesEvents {} }`.
 */
export interface EventSchemas extends CoreEvents {}
export type EventName = keyof EventSchemas
export type EventData<N extends EventName> = z.infer<EventSchemas[N]>
/** Listeners get an event whose `detail` is the data. */
export type LumosEvents = { [N in EventName]: CustomEvent<EventData<N>> }

/** The place of an event among those of one node. */
export interface EventPosition {
  /** Drawn anew at each start of the node: numbers of another start mean other events. */
  readonly epoch: string
  /** Counts from 1. 0 is the place before the first event. */
  readonly sequence: number
}

export interface NodeEvent<N extends EventName = EventName> extends EventPosition {
  readonly type: 'event'
  readonly name: N
  /** Wall time of the node. */
  readonly atMs: number
  /** The same in each event of one request or job, also in those of the peer that answers the request. */
  readonly correlationId?: string
  readonly data: EventData<N>
}

/** Events that a subscriber does not get. They are counted before its filter, so it may have wanted none of them. */
export interface EventGap extends EventPosition {
  readonly type: 'gap'
  /** `restarted`: the position is of another start of the node. `late`: the node kept these events no longer. */
  readonly reason: 'restarted' | 'late'
  /** Null when the node cannot know it. The position of the gap is that of the last event lost. */
  readonly lost: number | null
}

export interface SubscribeOptions extends AbortOptions {
  /** Names, or beginnings of names such as `peer.*`. Without any: every event. */
  readonly names?: readonly string[]
  /** Begin after this event, or with the oldest that the node keeps. Without it: with the next event. */
  readonly since?: EventPosition | 'oldest'
  /** False: end after the last event that has happened when the call comes. */
  readonly follow?: boolean
}

export interface NodeEvents {
  /** The position of the last event. */
  readonly position: EventPosition
  /** Every event that this node may emit, those of its features included. */
  readonly schemas: ReadonlyMap<EventName, z.ZodType>
  /**
   * Events in their order, until the signal aborts, the loop is left or the node stops. It begins with the call, not
   * with the first read. A subscriber that reads too slowly gets a gap and goes on.
   *
   * @throws {LumosError} `INVALID_INPUT` for a name that no event has, or a position that is not reached yet.
   */
  subscribe(options?: SubscribeOptions): AsyncIterable<NodeEvent | EventGap>
  addEventListener<N extends EventName>(
    name: N,
    listener: (event: LumosEvents[N]) => void,
    options?: { once?: boolean; signal?: AbortSignal }
  ): void
  removeEventListener<N extends EventName>(name: N, listener: (event: LumosEvents[N]) => void): void
}

/**
 * The names that these patterns mean, of those in `all`.
 *
 * @throws {InvalidInputError} for a pattern that means none.
 */
export function eventNames(patterns: readonly string[], all: readonly EventName[]): ReadonlySet<EventName> {
  const found = patterns.flatMap(pattern => {
    const beginning = pattern.endsWith('*') ? pattern.slice(0, -1) : undefined
    const names = all.filter(name =>
      beginning === undefined ? name === pattern : name.startsWith(beginning)
    )
    if (names.length > 0) return names
    const closest = closestNames(pattern, all)
    throw new InvalidInputError(`No event is named "${pattern.slice(0, NAME_CHARS_SHOWN)}".`, {
      hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : `Events: ${all.join(', ')}.`,
      details: { closest }
    })
  })
  return new Set(found)
}

/** An error quotes no more of a name that the caller chose. */
const NAME_CHARS_SHOWN = 64

/** What joins an event to others: the request that it is about, else the job. */
export function correlationOf(data: object): string | undefined {
  const { requestId, jobId } = data as { readonly requestId?: string; readonly jobId?: string }
  return requestId ?? jobId
}

/** A position as one word: `Last-Event-ID` of server-sent events, and `--since`. */
export const eventId = ({ epoch, sequence }: EventPosition): string => `${epoch}-${sequence}`

/** @throws {InvalidInputError} when it is no position. */
export function parseEventId(text: string): EventPosition {
  const [, epoch, sequence] = /^([0-9a-z]{1,16})-(0|[1-9]\d{0,14})$/.exec(text) ?? []
  if (epoch === undefined) {
    throw new InvalidInputError('The position of an event is EPOCH-SEQUENCE, such as k3v9q2-17.')
  }
  return { epoch, sequence: Number(sequence) }
}
