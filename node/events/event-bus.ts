/**
 * Every event of the node, numbered, with the last ones kept in memory.
 *
 * A subscriber is a place in what is kept and has no buffer of its own: one that reads slowly costs no memory, and
 * falls out of what is kept.
 */

import type * as z from 'zod'
import type { Clock, Random } from '../../interface/clock.ts'
import { InvalidInputError } from '../../interface/errors.ts'
import {
  correlationOf,
  EVENTS,
  type EventData,
  type EventGap,
  type EventName,
  type EventPosition,
  eventId,
  eventNames,
  type LumosEvents,
  type NodeEvent,
  type NodeEvents,
  type SubscribeOptions
} from '../../interface/events.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'

/** A program that was away for a minute finds what it missed, in a mesh that answers some thirty requests a second. */
export const EVENTS_KEPT_MAX = 2048
/** Events hold names and phrases of other devices; this bounds them where many are long. */
export const EVENT_BYTES_KEPT_MAX = 1024 * 1024
/** What an event costs besides the text in it. */
const EVENT_BYTES = 200
/** Two starts of a node draw the same epoch once in a million million times. */
const EPOCHS = 36 ** 8

interface Kept {
  readonly event: NodeEvent
  readonly bytes: number
}

export interface EventBusComponents {
  readonly clock: Clock
  readonly random: Random
  /** Events of features, beside those that every node has. */
  readonly declared?: Readonly<Record<string, z.ZodType>>
}

export class EventBus implements NodeEvents {
  readonly schemas: ReadonlyMap<EventName, z.ZodType>
  readonly #clock: Clock
  readonly #epoch: string
  readonly #listeners = new EventTarget()
  /** By sequence; the oldest first. */
  readonly #kept = new Map<number, Kept>()
  readonly #waiting = new Set<() => void>()
  #bytes = 0
  #last = 0
  #closed = false

  constructor({ clock, random, declared = {} }: EventBusComponents) {
    this.#clock = clock
    this.schemas = new Map(Object.entries({ ...EVENTS, ...declared }) as [EventName, z.ZodType][])
    this.#epoch = Math.floor(random() * EPOCHS).toString(36)
  }

  get position(): EventPosition {
    return { epoch: this.#epoch, sequence: this.#last }
  }

  emit<N extends EventName>(name: N, data: EventData<N>): void {
    const sequence = ++this.#last
    const atMs = this.#clock.wallMs()
    const correlationId = correlationOf(data)
    const related = correlationId === undefined ? undefined : { correlationId }
    this.#keep({ type: 'event', epoch: this.#epoch, sequence, name, atMs, ...related, data })
    this.#listeners.dispatchEvent(new CustomEvent(name, { detail: data }))
    this.#wake()
  }

  subscribe(options: SubscribeOptions = {}): AsyncIterable<NodeEvent | EventGap> {
    const { names, since, follow = true, signal } = options
    const wanted = names === undefined ? undefined : eventNames(names, [...this.schemas.keys()])
    const [next, gap] = this.#beginning(since)
    return this.#read({ wanted, next, gap, until: follow ? Number.POSITIVE_INFINITY : this.#last, signal })
  }

  addEventListener<N extends EventName>(
    name: N,
    listener: (event: LumosEvents[N]) => void,
    options?: { once?: boolean; signal?: AbortSignal }
  ): void {
    this.#listeners.addEventListener(name, listener as (event: Event) => void, options)
  }

  removeEventListener<N extends EventName>(name: N, listener: (event: LumosEvents[N]) => void): void {
    this.#listeners.removeEventListener(name, listener as (event: Event) => void)
  }

  /** Nothing that has happened until now is given any more: it is of a mesh that this node has left. */
  forget(): void {
    this.#kept.clear()
    this.#bytes = 0
  }

  /** Subscribers get what has happened until now, and end. */
  close(): void {
    this.#closed = true
    this.#wake()
  }

  get #first(): number {
    return this.#last - this.#kept.size + 1
  }

  #keep(event: NodeEvent): void {
    const bytes = EVENT_BYTES + textIn(event.data)
    this.#kept.set(event.sequence, { event, bytes })
    this.#bytes += bytes
    while (this.#kept.size > EVENTS_KEPT_MAX || (this.#bytes > EVENT_BYTES_KEPT_MAX && this.#kept.size > 1)) {
      const oldest = this.#first
      this.#bytes -= this.#kept.get(oldest)!.bytes
      this.#kept.delete(oldest)
    }
  }

  /** The sequence to begin with, and what is lost before it that only the position tells. */
  #beginning(since: SubscribeOptions['since']): [next: number, gap?: EventGap] {
    if (since === undefined) return [this.#last + 1]
    if (since === 'oldest') return [this.#first]
    if (since.epoch !== this.#epoch) {
      const { epoch } = this.position
      const lost: EventGap = {
        type: 'gap',
        epoch,
        sequence: this.#first - 1,
        reason: 'restarted',
        lost: null
      }
      return [this.#first, lost]
    }
    if (since.sequence <= this.#last) return [since.sequence + 1]
    throw new InvalidInputError(
      `${eventId(since)} has not happened; the last event is ${eventId(this.position)}.`
    )
  }

  async *#read({ wanted, next, gap, until, signal }: Reading): AsyncGenerator<NodeEvent | EventGap> {
    if (gap !== undefined) yield gap
    while (!signal?.aborted) {
      const first = this.#first
      if (next < first) {
        const lost = first - next
        next = first
        yield { type: 'gap', epoch: this.#epoch, sequence: first - 1, reason: 'late', lost }
      } else if (next > until) {
        return
      } else if (next > this.#last) {
        if (this.#closed) return
        await this.#arrival({ signal })
      } else {
        const { event } = this.#kept.get(next++)!
        if (wanted?.has(event.name) ?? true) yield event
      }
    }
  }

  #arrival({ signal }: AbortOptions): Promise<void> {
    return new Promise(resolve => {
      const wake = () => {
        this.#waiting.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiting.add(wake)
      signal?.addEventListener('abort', wake)
    })
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}

interface Reading extends AbortOptions {
  readonly wanted: ReadonlySet<EventName> | undefined
  readonly next: number
  readonly gap: EventGap | undefined
  /** The last sequence to give. */
  readonly until: number
}

/** Bytes of all text in an event: nothing else in it grows. */
function textIn(value: unknown): number {
  if (typeof value === 'string') return 2 * value.length
  if (typeof value !== 'object' || value === null) return 0
  let bytes = 0
  for (const item of Object.values(value)) bytes += textIn(item)
  return bytes
}
