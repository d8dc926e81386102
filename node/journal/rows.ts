/** Events as they lie on disk: JSON of a bounded size, checked when it is read. */

import type * as z from 'zod'
import type { EventName, NodeEvent } from '../../interface/events.ts'
import type { EventRow } from '../../storage/events/event-table.ts'

/** Not written: each is soon replaced by the next, they are many, and what they lead to is an event of its own or a state. */
export const PASSING: ReadonlySet<EventName> = new Set<EventName>(['job.progress', 'manifest.updated'])

/** Peers choose names in events, of a few hundred characters at most. A longer event is not written. */
const DATA_CHARS_MAX = 16 * 1024

export function rowOf(event: NodeEvent): EventRow | undefined {
  const { epoch, sequence, name, correlationId: correlation = null } = event
  const data = JSON.stringify(event.data)
  if (data.length > DATA_CHARS_MAX) return undefined
  return { epoch, sequence, atMs: Math.round(event.atMs), name, correlation, data }
}

/** Nothing where no event of today has that name or such data. */
export function eventOf(
  { epoch, sequence, atMs, name, correlation, data }: EventRow,
  schemas: ReadonlyMap<string, z.ZodType>
): NodeEvent | undefined {
  const read = schemas.get(name)?.safeParse(fromJson(data))
  if (!read?.success) return undefined
  const related = correlation === null ? undefined : { correlationId: correlation }
  return { type: 'event', epoch, sequence, name, atMs, ...related, data: read.data } as NodeEvent
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
