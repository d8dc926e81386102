/** What happens on this node, for programs that watch it. */

import * as z from 'zod'
import {
  type EventGap,
  type EventName,
  eventId,
  type NodeEvent,
  type NodeEvents,
  parseEventId,
  type SubscribeOptions
} from '../interface/events.ts'
import { EVENT_PAGE_MAX } from '../interface/journal.ts'
import type { LumosNode } from '../interface/node.ts'
import type { Caller } from '../interface/units.ts'
import { defineUnit } from './define-unit.ts'
import { Shares } from './shares.ts'

/** Of one answer; its position is where the next one begins. As many as memory keeps. */
const LISTED_MAX = 2048
/** More than there are kinds of events. */
const NAMES_MAX = 64
const NAME_CHARS_MAX = 64
const POSITION_CHARS_MAX = 40
/** Over the longest id of a request. */
const CORRELATION_CHARS_MAX = 128

const Place = { epoch: z.string(), sequence: z.int() }
const Gap = z.strictObject({
  type: z.literal('gap'),
  ...Place,
  reason: z.enum(['restarted', 'late']),
  lost: z.int().nullable()
})
const happened = ([name, data]: [EventName, z.ZodType]) =>
  z.strictObject({
    type: z.literal('event'),
    name: z.literal(name),
    ...Place,
    atMs: z.int(),
    correlationId: z.string().optional(),
    data
  })

/** What a subscriber to the events of this node gets: those of its features, too. */
function itemsOf({ schemas }: NodeEvents) {
  const [first, ...others] = [...schemas].map(happened)
  const Event = z.discriminatedUnion('name', [first!, ...others])
  return { Event, Item: z.discriminatedUnion('type', [Gap, Event]) }
}

const Names = z.array(z.string().min(1).max(NAME_CHARS_MAX)).min(1).max(NAMES_MAX)

const Wanted = z.strictObject({
  names: Names.optional(),
  /** EPOCH-SEQUENCE: after this event. Else `oldest`, or `next`: those that are still to come. */
  since: z.string().max(POSITION_CHARS_MAX).optional()
})

const Query = z.strictObject({
  /** Names, or beginnings of names such as `peer.*`. */
  types: Names.optional(),
  /** What comes before the first dot of a name. */
  domain: z
    .string()
    .max(NAME_CHARS_MAX)
    .regex(/^[a-z]+$/)
    .optional(),
  /** On the clock of the node; both ends count. */
  sinceMs: z.int().optional(),
  untilMs: z.int().optional(),
  /** Of one request or job. */
  correlationId: z.string().max(CORRELATION_CHARS_MAX).optional(),
  limit: z.int().min(1).max(EVENT_PAGE_MAX).default(100),
  cursor: z.string().max(POSITION_CHARS_MAX).optional()
})

export const eventUnits = ({ events, journal }: Pick<LumosNode, 'events' | 'journal'>) => {
  const { Event, Item } = itemsOf(events)
  const streams = new Shares('streams of events')
  const list = defineUnit({
    name: 'event.list',
    kind: 'query',
    permission: 'read',
    endless: true,
    summary: 'The events that the node keeps. As a stream: those that follow, too.',
    examples: [{ input: { names: ['peer.*'], since: 'oldest' } }],
    input: Wanted,
    output: z.strictObject({ items: z.array(Item), position: z.string() }),
    item: Item,
    run: async ({ names, since = 'oldest' }, { caller }) => {
      const options = { names, since: sinceOf(since), follow: false }
      const { position } = events
      const items = []
      for await (const item of forCaller(journal.subscribe(options), caller)) {
        items.push(item)
        if (items.length === LISTED_MAX) return { items, position: eventId(item) }
      }
      return { items, position: eventId(position) }
    },
    stream({ names, since = 'next' }, context) {
      streams.check(context)
      const { signal, caller } = context
      return held(forCaller(journal.subscribe({ names, since: sinceOf(since), signal }), caller), () =>
        streams.take(context)
      )
    }
  })
  const query = defineUnit({
    name: 'event.query',
    kind: 'query',
    permission: 'read',
    summary: 'Events of this node on disk, the oldest first, by name, time or request.',
    examples: [{ input: { domain: 'mesh', limit: 10 } }],
    input: Query,
    /** `lost`: events since the start of the node that the disk does not have. */
    output: z.strictObject({ items: z.array(Event), cursor: z.string().nullable(), lost: z.int() }),
    run: async (wanted, { caller }) => {
      const { items, cursor } = await journal.query(wanted)
      return { items: items.filter(item => maySee(item, caller)), cursor, lost: journal.lost }
    }
  })
  return [list, query]
}

/**
 * Whether this caller may know of it. Who asked which model when is between those two: another device sees its own
 * requests, unless it is one that manages this device.
 */
function maySee(item: NodeEvent | EventGap, { origin, peerId, permissions }: Caller): boolean {
  if (item.type === 'gap' || !item.name.startsWith('inference.')) return true
  if (origin !== 'peer' || permissions.includes('manage')) return true
  return item.name.startsWith('inference.serving_') && 'peerId' in item.data && item.data.peerId === peerId
}

async function* forCaller<T extends NodeEvent | EventGap>(
  items: AsyncIterable<T>,
  caller: Caller
): AsyncGenerator<T> {
  for await (const item of items) if (maySee(item, caller)) yield item
}

/** @param take a place, whose end it returns. */
async function* held<T>(items: AsyncIterable<T>, take: () => () => void): AsyncGenerator<T> {
  const leave = take()
  try {
    yield* items
  } finally {
    leave()
  }
}

function sinceOf(since: string): SubscribeOptions['since'] {
  if (since === 'next') return undefined
  return since === 'oldest' ? since : parseEventId(since)
}
