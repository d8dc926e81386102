/** One event: what happened, to what, and its whole data when it is opened. */

import { useMemo, useState } from 'preact/hooks'
import { dateTime, number, time } from '../format.ts'
import { Badge, type Tone } from '../parts/basics.tsx'
import { plain, Text } from '../parts/text.tsx'
import { linkTo } from '../router.ts'
import { type Item, placeOf } from './kept.ts'
import { fieldOf, fieldsOf, type Subjects } from './subjects.tsx'

/** By the last word of a name: how good it is. The words say the same. */
const TONES: Readonly<Record<string, Tone>> = {
  failed: 'bad',
  request_failed: 'bad',
  duplicated: 'bad',
  events_lost: 'bad',
  member_revoked: 'warn',
  left: 'warn',
  evicted: 'warn',
  preemption: 'warn',
  pressure_warning: 'warn',
  admin_room_full: 'warn',
  joined: 'good',
  member_joined: 'good',
  request_completed: 'good',
  loaded: 'good',
  verified: 'good'
}

interface RowProps {
  readonly item: Item
  readonly subjects: Subjects
}

/** An event never changes, so its row is drawn once. */
export const EventRow = ({ item, subjects }: RowProps) =>
  useMemo(() => <Row item={item} subjects={subjects} />, [item, subjects])

function Row({ item, subjects }: RowProps) {
  const w = subjects.words
  const [open, setOpen] = useState(false)
  if (item.type === 'gap')
    return (
      <li class="gap">
        <Badge tone="warn">{w.events.gap}</Badge>
        <span>
          {w.events.gaps[item.reason]}{' '}
          {item.lost === null ? w.events.lostUnknown : w.events.lost(number(item.lost))}
        </span>
      </li>
    )
  const data = item.data as Readonly<Record<string, unknown>>
  const kind = item.name.slice(item.name.indexOf('.') + 1)
  return (
    <li class={open ? 'open' : ''}>
      <div class="event-line">
        <time class="dim" title={dateTime(item.at_ms)} dateTime={new Date(item.at_ms).toISOString()}>
          {time(item.at_ms)}
        </time>
        <button type="button" class="event-name" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Badge tone={TONES[kind] ?? 'plain'}>
            {w.events.names[item.name as keyof typeof w.events.names] ?? item.name}
          </Badge>
        </button>
        <span class="event-fields">{fieldsOf(data).map(field => fieldOf(field, data, subjects))}</span>
      </div>
      {open && (
        <div class="event-data">
          <p class="note">
            <code>{item.name}</code> · {dateTime(item.at_ms)} · {w.events.place} <code>{placeOf(item)}</code>
            {item.correlation_id && (
              <>
                {' · '}
                <a href={linkTo('events', 'of', item.correlation_id)}>{w.events.sameWork}</a>{' '}
                <code>
                  <Text of={item.correlation_id} />
                </code>
              </>
            )}
          </p>
          <pre>{plain(JSON.stringify(data, undefined, 2))}</pre>
        </div>
      )}
    </li>
  )
}
