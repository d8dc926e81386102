/** What happens on this node, for programs that watch it. */

import * as z from 'zod'
import {
  type EventName,
  eventId,
  type NodeEvents,
  parseEventId,
  type SubscribeOptions
} from '../interface/events.ts'
import type { LumosNode } from '../interface/node.ts'
import { defineUnit } from './define-unit.ts'

/** More than there are kinds of events. */
const NAMES_MAX = 64
const NAME_CHARS_MAX = 64
const POSITION_CHARS_MAX = 40

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
    data
  })
/** What a subscriber to the events of this node gets: those of its features, too. */
function itemOf({ schemas }: NodeEvents) {
  const [first, ...others] = [...schemas].map(happened)
  return z.discriminatedUnion('type', [Gap, z.discriminatedUnion('name', [first!, ...others])])
}

const Wanted = z.strictObject({
  names: z.array(z.string().min(1).max(NAME_CHARS_MAX)).min(1).max(NAMES_MAX).optional(),
  /** EPOCH-SEQUENCE: after this event. Else `oldest`, or `next`: those that are still to come. */
  since: z.string().max(POSITION_CHARS_MAX).optional()
})

export const eventUnits = ({ events }: Pick<LumosNode, 'events'>) => {
  const Item = itemOf(events)
  const list = defineUnit({
    name: 'event.list',
    kind: 'query',
    permission: 'read',
    summary: 'The events that the node keeps. As a stream: those that follow, too.',
    examples: [{ input: { names: ['peer.*'], since: 'oldest' } }],
    input: Wanted,
    output: z.strictObject({ items: z.array(Item), position: z.string() }),
    item: Item,
    run: async ({ names, since = 'oldest' }) => {
      const options = { names, since: sinceOf(since), follow: false }
      const { position } = events
      return { items: await Array.fromAsync(events.subscribe(options)), position: eventId(position) }
    },
    stream: ({ names, since = 'next' }, { signal }) =>
      events.subscribe({ names, since: sinceOf(since), signal })
  })
  return [list]
}

function sinceOf(since: string): SubscribeOptions['since'] {
  if (since === 'next') return undefined
  return since === 'oldest' ? since : parseEventId(since)
}
