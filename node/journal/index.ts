/** Events of this node on disk, for queries and for programs that come back after a restart. */

import * as z from 'zod'
import { type EventJournal, JOURNAL_EVENTS } from '../../interface/journal.ts'
import { EVENT_TABLES } from '../../storage/events/event-table.ts'
import type { FeatureDeclaration } from '../feature.ts'

type JournalEvents = typeof JOURNAL_EVENTS
declare module '../../interface/events.ts' {
  interface EventSchemas extends JournalEvents {}
}

/** A query that finds little reads all of them: at this number in a fifth of a second. */
const EVENTS_MAX = 500_000
const DAYS_MAX = 3650

export const JournalSettings = z.strictObject({
  days: z
    .number()
    .min(0)
    .max(DAYS_MAX)
    .default(7)
    .describe(
      'How many days an event can be queried: a week tells what happened over a weekend. 0: no event is written to disk.'
    ),
  eventsMax: z
    .int()
    .min(1)
    .max(EVENTS_MAX)
    .default(50_000)
    .describe(
      'How many events are kept on disk; that many take some 15 MB. Over it, the kind with the most events loses its oldest.'
    )
})

export const journal: FeatureDeclaration<EventJournal> = {
  name: 'journal',
  settings: JournalSettings,
  events: JOURNAL_EVENTS,
  tables: EVENT_TABLES,
  create: async components => new (await import('./journal.ts')).Journal(components)
}
