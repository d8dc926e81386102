/** Events of this node on disk, for queries and for programs that come back after a restart. */

import { type EventJournal, JOURNAL_EVENTS } from '../../interface/journal.ts'
import { EVENT_TABLES } from '../../storage/events/event-table.ts'
import type { FeatureDeclaration } from '../feature.ts'
import { JournalSettings } from './settings.ts'

type JournalEvents = typeof JOURNAL_EVENTS
declare module '../../interface/events.ts' {
  interface EventSchemas extends JournalEvents {}
}

export const journal: FeatureDeclaration<EventJournal> = {
  name: 'journal',
  settings: JournalSettings,
  events: JOURNAL_EVENTS,
  tables: EVENT_TABLES,
  create: async components => new (await import('./journal.ts')).Journal(components)
}
