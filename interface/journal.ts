/** Events of a node on disk: queried by what they are, and given again to a subscriber that comes after a restart. */

import * as z from 'zod'
import type { EventGap, NodeEvent, SubscribeOptions } from './events.ts'

/** A page of events is read on the thread of the network, in a few milliseconds. */
export const EVENT_PAGE_MAX = 1000

export interface EventQuery {
  /** Names, or beginnings of names such as `peer.*`. Without any: every event. */
  readonly types?: readonly string[]
  /** What comes before the first dot of a name. */
  readonly domain?: string
  /** Wall time of the node; both ends count. */
  readonly sinceMs?: number
  readonly untilMs?: number
  readonly correlationId?: string
  /** {@link EVENT_PAGE_MAX} at most. */
  readonly limit?: number
  /** Go on after a page, as that page says. */
  readonly cursor?: string
}

export interface EventPage {
  /** The oldest first. */
  readonly items: readonly NodeEvent[]
  /** Of the next page; null where there is none yet. */
  readonly cursor: string | null
}

export interface EventJournal {
  /** Events that the journal did not keep since the node started: the disk refused them, or too many came at once. */
  readonly lost: number
  /** @throws {LumosError} `INVALID_INPUT` for a name that no event has, or a cursor of no page. */
  query(query?: EventQuery): Promise<EventPage>
  /**
   * As `NodeEvents.subscribe`. What memory does not hold any more, or a start of the node before this one has seen, comes
   * from disk first.
   */
  subscribe(options?: SubscribeOptions): AsyncIterable<NodeEvent | EventGap>
}

export const JOURNAL_EVENTS = {
  /** Events are not in the journal. Its disk refused them, too many came at once, or one was too long. */
  'journal.events_lost': z.strictObject({
    lost: z.int(),
    reason: z.enum(['storage', 'late', 'size'])
  })
}
