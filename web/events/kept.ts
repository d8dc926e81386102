/** The events that the page has: those of now as they come, those of before by pages, and never too many. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { useEvents } from '../live.ts'
import { call, type Output, type PageEvent } from '../node.ts'

/** The most that are kept of those that come; the oldest leave. A reader who goes back may have twice as many. */
const KEPT_MAX = 2_000
/** Events come in bursts: they are drawn a few times a second. */
const DRAWN_EVERY_MS = 250
/** How far back the first page of the past looks; where little happened, each next one looks further. */
const WINDOW_MS = 10 * 60_000
const WINDOW_GROWS = 8
const WINDOW_MOST_MS = 60 * 86_400_000
const PAGE = 1_000
/** Of one step back. */
const BACK_MAX = 500

export type Item = PageEvent
export type Happened = Extract<Item, { type: 'event' }>

export const placeOf = ({ epoch, sequence }: Pick<Item, 'epoch' | 'sequence'>): string =>
  `${epoch}-${sequence}`
export const keyOf = (item: Item): string => `${item.type} ${placeOf(item)}`

export interface Filter {
  readonly domain?: string | undefined
  readonly name?: string | undefined
  /** Of one request or job. */
  readonly correlation?: string | undefined
}

export const matches = (item: Item, { domain, name, correlation }: Filter): boolean =>
  item.type === 'gap' ||
  ((domain === undefined || item.name.startsWith(`${domain}.`)) &&
    (name === undefined || item.name === name) &&
    (correlation === undefined || item.correlation_id === correlation))

/** The oldest first. `before` goes back in time by those that the filter wants; it says whether there were any. */
export function useHappenings(filter: Filter) {
  const items = useRef<Item[]>([])
  const known = useRef(new Set<string>())
  const most = useRef(KEPT_MAX)
  const [, draw] = useState(0)
  const timer = useRef<number | undefined>(undefined)
  const [error, setError] = useState<unknown>()
  const [ready, setReady] = useState(false)

  const changed = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      draw(count => count + 1)
    }, DRAWN_EVERY_MS) as unknown as number
  }, [])
  const keep = useCallback(
    (more: readonly Item[], where: 'after' | 'before' = 'after') => {
      const fresh = more.filter(item => !known.current.has(keyOf(item)))
      for (const item of fresh) known.current.add(keyOf(item))
      const all = where === 'after' ? [...items.current, ...fresh] : [...fresh, ...items.current]
      const gone = all.splice(0, Math.max(0, all.length - most.current))
      for (const item of gone) known.current.delete(keyOf(item))
      items.current = all
      changed()
      return fresh.length
    },
    [changed]
  )
  /** What happened since the last one that is here, with a gap where the node no longer has it. */
  const catchUp = useCallback(async () => {
    const last = items.current.at(-1)
    try {
      const { items: missed } = await call('event.list', { since: last ? placeOf(last) : 'oldest' })
      keep(missed)
      setError(undefined)
      setReady(true)
    } catch (err) {
      setError(err)
    }
  }, [keep])

  useEvents(event => void (event.type === 'event' ? keep([event]) : catchUp()))
  useEffect(() => {
    void catchUp()
    return () => clearTimeout(timer.current)
  }, [catchUp])

  const before = useCallback(async () => {
    const first = items.current.find(item => item.type === 'event') as Happened | undefined
    const past = await pastOf(first?.at_ms ?? Date.now(), filter, known.current)
    most.current = Math.min(2 * KEPT_MAX, most.current + past.length)
    return keep(past, 'before') > 0
  }, [filter, keep])

  return { items: items.current, ready, error, retry: catchUp, before }
}

/** The node has events the oldest first, so the page asks for a time before, and for a longer one where it is empty. */
async function pastOf(untilMs: number, filter: Filter, known: ReadonlySet<string>): Promise<Happened[]> {
  for (let window = WINDOW_MS; ; window *= WINDOW_GROWS) {
    const found = await between(untilMs - window, untilMs, filter)
    const fresh = found.filter(item => !known.has(keyOf(item)))
    if (fresh.length > 0 || window > WINDOW_MOST_MS) return fresh.slice(-BACK_MAX)
  }
}

async function between(since_ms: number, until_ms: number, filter: Filter): Promise<Happened[]> {
  const wanted = {
    ...(filter.name !== undefined ? { types: [filter.name] } : filter.domain && { domain: filter.domain }),
    ...(filter.correlation !== undefined && { correlation_id: filter.correlation })
  }
  let found: Happened[] = []
  let cursor: string | null = null
  do {
    const page: Output<'event.query'> = await call('event.query', {
      ...{ since_ms, until_ms, limit: PAGE, ...wanted },
      ...(cursor !== null && { cursor })
    })
    found = [...found, ...page.items].slice(-BACK_MAX - PAGE)
    cursor = page.cursor
  } while (cursor !== null)
  return found
}
