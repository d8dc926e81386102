/**
 * Writes events to disk, behind the node: an emit waits for nothing. The journal is a place among the events that memory
 * keeps, as a subscriber is, and holds none itself; what leaves memory before it is written is lost, counted and said.
 */

import type * as z from 'zod'
import type { Timer } from '../../interface/clock.ts'
import { InvalidInputError, toLumosError } from '../../interface/errors.ts'
import {
  type EventGap,
  type EventName,
  type EventPosition,
  eventNames,
  type NodeEvent,
  type SubscribeOptions
} from '../../interface/events.ts'
import {
  EVENT_PAGE_MAX,
  type EventJournal,
  type EventPage,
  type EventQuery,
  type JOURNAL_EVENTS
} from '../../interface/journal.ts'
import { type EventRow, EventTable } from '../../storage/events/event-table.ts'
import { EVENTS_KEPT_MAX } from '../events/event-bus.ts'
import type { Feature, FeatureComponents, MeshContext, Participation } from '../feature.ts'
import { eventOf, PASSING, rowOf } from './rows.ts'
import type { JournalSettings } from './settings.ts'

/** What a kill may lose. Memory holds what comes meanwhile, up to eight thousand events a second. */
const FLUSH_MS = 250
/** Of one transaction: a few milliseconds on the thread of the network. */
const ROWS_AT_ONCE = 256
const DAY_MS = 86_400_000

type Components = Pick<FeatureComponents, 'clock' | 'log' | 'events' | 'database' | 'emit'> & {
  readonly settings: unknown
}

export class Journal implements Feature<EventJournal>, EventJournal {
  readonly name = 'journal'
  readonly facet = this
  readonly #components: Components
  readonly #table: EventTable
  readonly #settings: z.output<typeof JournalSettings>
  readonly #closing = new AbortController()
  /** The last event that was written, or that the disk refused. */
  #written: EventPosition
  #mesh: string | undefined
  #lost = 0
  /** Lost, and in no event yet. */
  #unsaid: Record<Reason, number> = { storage: 0, late: 0, size: 0 }
  #timer: Timer | undefined
  #wake: (() => void) | undefined
  #flushing: Promise<void> | undefined

  constructor(components: Components) {
    this.#components = components
    this.#settings = components.settings as z.output<typeof JournalSettings>
    this.#table = new EventTable(components.database)
    this.#written = components.events.position
    if (this.#isOn) void this.#watch()
  }

  get lost(): number {
    return this.#lost
  }

  join({ meshId }: MeshContext): Participation {
    const { events } = this.#components
    // What was written is removed with the tables of the mesh.
    if (this.#mesh !== undefined && this.#mesh !== meshId) {
      events.forget()
      this.#written = events.position
    }
    this.#mesh = meshId
    return {}
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#timer?.cancel()
    this.#wake?.()
    await this.#flush()
  }

  async query(query: EventQuery = {}): Promise<EventPage> {
    const { types, domain, sinceMs, untilMs, correlationId, limit = 100, cursor } = query
    const names = this.#namesOf(types, domain)
    const after = placeOf(cursor)
    const most = Math.min(limit, EVENT_PAGE_MAX)
    await this.#flush()
    const rows = this.#table.find({ names, sinceMs, untilMs, correlation: correlationId }, after, most)
    const items = rows.flatMap(row => eventOf(row, this.#components.events.schemas) ?? [])
    return { items, cursor: rows.length < most ? null : String(rows.at(-1)!.id) }
  }

  subscribe(options: SubscribeOptions = {}): AsyncIterable<NodeEvent | EventGap> {
    const { events } = this.#components
    const { since, names } = options
    if (typeof since !== 'object' || isInMemory(since, events.position)) return events.subscribe(options)
    return this.#replayed(since, this.#namesOf(names), options)
  }

  async *#replayed(
    since: EventPosition,
    names: readonly EventName[] | undefined,
    options: SubscribeOptions
  ): AsyncGenerator<NodeEvent | EventGap> {
    const { events } = this.#components
    await this.#flush()
    const start = this.#table.before(since.epoch, since.sequence)
    if (start === undefined) return yield* events.subscribe({ ...options, since })
    // How many were removed since is not known.
    if (start.isFirst) yield { type: 'gap', ...since, reason: 'late', lost: null }
    let place = since
    for (let after = start.id; !options.signal?.aborted; ) {
      // Years of events are read between other work of the node.
      await new Promise(resolve => setImmediate(resolve))
      const rows = this.#table.find({ names }, after, ROWS_AT_ONCE)
      for (const row of rows) {
        const event = eventOf(row, events.schemas)
        if (event !== undefined) yield event
      }
      const last = rows.at(-1)
      if (last === undefined) break
      after = last.id
      place = { epoch: last.epoch, sequence: last.sequence }
    }
    const { epoch } = events.position
    yield* events.subscribe({ ...options, since: place.epoch === epoch ? place : { epoch, sequence: 0 } })
  }

  #namesOf(types: readonly string[] | undefined, domain?: string): EventName[] | undefined {
    if (types === undefined && domain === undefined) return undefined
    const all = [...this.#components.events.schemas.keys()]
    const names = types === undefined ? all : [...eventNames(types, all)]
    if (domain === undefined) return names
    const wanted = eventNames([`${domain}.*`], all)
    return names.filter(name => wanted.has(name))
  }

  get #isOn(): boolean {
    return this.#settings.days > 0
  }

  /** Waits for an event, then for those that come soon after it. */
  async #watch(): Promise<void> {
    const { events, clock } = this.#components
    const { signal } = this.#closing
    while (!signal.aborted) {
      let came = false
      for await (const _ of events.subscribe({ since: this.#written, signal })) {
        came = true
        break
      }
      // The node has stopped.
      if (!came) return
      await new Promise<void>(resolve => {
        this.#wake = resolve
        this.#timer = clock.setTimer(resolve, FLUSH_MS)
      })
      if (!signal.aborted) await this.#flush()
    }
  }

  #flush(): Promise<void> {
    if (!this.#isOn) return Promise.resolve()
    this.#flushing ??= this.#write().finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  async #write(): Promise<void> {
    const { events } = this.#components
    let rows: EventRow[] = []
    for await (const item of events.subscribe({ since: this.#written, follow: false })) {
      this.#written = { epoch: item.epoch, sequence: item.sequence }
      if (item.type === 'gap') this.#lose(item.lost ?? 0, 'late')
      else if (!PASSING.has(item.name)) {
        const row = rowOf(item)
        if (row === undefined) this.#lose(1, 'size')
        else rows.push(row)
      }
      if (rows.length < ROWS_AT_ONCE) continue
      this.#store(rows)
      rows = []
    }
    if (rows.length > 0) this.#store(rows)
  }

  #store(rows: readonly EventRow[]): void {
    const { clock, log } = this.#components
    const { days, eventsMax: rowsMax } = this.#settings
    try {
      this.#table.add(rows, { keptSinceMs: clock.wallMs() - days * DAY_MS, rowsMax })
    } catch (thrown) {
      log.warn({ code: toLumosError(thrown).code, events: rows.length }, 'events could not be written')
      this.#lose(rows.length, 'storage')
      return
    }
    this.#say()
  }

  #lose(count: number, reason: Reason): void {
    this.#lost += count
    this.#unsaid[reason] += count
  }

  /** Only once the disk takes events again: this one is to be written, too. */
  #say(): void {
    for (const reason of ['storage', 'late', 'size'] as const) {
      const lost = this.#unsaid[reason]
      this.#unsaid[reason] = 0
      if (lost > 0) this.#components.emit('journal.events_lost', { lost, reason })
    }
  }
}

type Reason = z.output<(typeof JOURNAL_EVENTS)['journal.events_lost']>['reason']

/** Memory keeps fewer where they are long; a subscriber gets a gap then. */
const isInMemory = (place: EventPosition, last: EventPosition): boolean =>
  place.epoch === last.epoch && place.sequence >= last.sequence - EVENTS_KEPT_MAX

function placeOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0
  if (/^\d{1,15}$/.test(cursor)) return Number(cursor)
  throw new InvalidInputError('The cursor is not that of a page of events.')
}
