/** How much the journal keeps. */

import * as z from 'zod'

/** A query that finds little reads all of them: at this number in a fifth of a second. */
const EVENTS_MAX = 200_000
const DAYS_MAX = 3650

export const JournalSettings = z.strictObject({
  days: z
    .int()
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
      'How many events are kept on disk; that many take some 20 MB. Over it, the kind with the most events loses its oldest.'
    )
})
