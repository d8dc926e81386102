/**
 * The requests of the node, the newest first, live. The node keeps the last thousand; the page keeps those that it has seen.
 */

import { useEffect, useRef } from 'preact/hooks'
import { type Happening, useEvents } from '../live.ts'
import { call, type Output } from '../node.ts'
import { Store, useStore } from '../state.ts'

type Listed = Output<'inference.requests'>['items'][number]
/** The policy of one that has just begun is not known yet. */
export type Request = Omit<Listed, 'policy'> & { readonly policy: Listed['policy'] | null }

/** In the page; a line has about 300 bytes. */
export const KEPT = 10_000
/** As many as a node keeps. */
const ALL = 1000
/** What no event tells is read of the newest. */
const NEWEST = 100
/** Events come in bursts: the list is drawn once for all of them. */
const DRAWN_AFTER_MS = 200
const READ_AFTER_MS = 1000

interface Log {
  readonly requests: readonly Request[] | undefined
  readonly error: unknown
}
const log = new Store<Log>({ requests: undefined, error: undefined })

export const stateOf = ({ outcome }: Pick<Request, 'outcome'>) =>
  outcome === null ? 'running' : outcome === 'answered' ? 'answered' : 'failed'

/** `isWhole`: what runs and is not in the list is gone. */
function take(newer: readonly Request[], isWhole = false): void {
  const byId = new Map(newer.map(request => [request.request_id, request]))
  const kept = (log.value.requests ?? []).filter(
    request => !byId.has(request.request_id) && !(isWhole && request.outcome === null)
  )
  const requests = [...byId.values(), ...kept].sort((one, other) => other.at_ms - one.at_ms).slice(0, KEPT)
  log.set({ requests, error: undefined })
}

async function read(limit: number, signal: AbortSignal): Promise<void> {
  try {
    take((await call('inference.requests', { limit }, { signal })).items, limit === ALL)
  } catch (error) {
    if (!signal.aborted) log.set({ error })
  }
}

type RequestEvent = Extract<Happening, { name: `inference.request_${string}` }>
const isOfRequest = (event: Happening): event is RequestEvent =>
  event.type === 'event' && event.name.startsWith('inference.request_')

/** What an event says, over what was known. */
function after(event: RequestEvent, before: Request | undefined): Request {
  const { request_id, task, model } = event.data
  const known: Request = before ?? {
    ...{ request_id, task, model: model ?? null, policy: null, at_ms: event.at_ms },
    ...{ peer_id: null, name: null, attempts: 0, chunks: 0 },
    ...{ first_chunk_ms: null, outcome: null, duration_ms: null }
  }
  if (event.name === 'inference.request_started') return known
  const { duration_ms } = event.data
  if (event.name === 'inference.request_failed') return { ...known, outcome: event.data.code, duration_ms }
  const { peer_id, first_chunk_ms = null } = event.data
  return { ...known, peer_id, first_chunk_ms, outcome: 'answered', duration_ms }
}

export function useLog(): Log & { reload(): void } {
  const follower = useRef<Follower | undefined>(undefined)
  useEffect(() => {
    const own = new Follower()
    follower.current = own
    own.readAll()
    return () => own.close()
  }, [])
  useEvents(event => follower.current?.heard(event))
  return { ...useStore(log), reload: () => follower.current?.readAll() }
}

class Follower {
  readonly #closed = new AbortController()
  #heard: RequestEvent[] = []
  #drawing: ReturnType<typeof setTimeout> | undefined
  #reading: ReturnType<typeof setTimeout> | undefined

  readAll(): void {
    void read(ALL, this.#closed.signal)
  }

  heard(event: Happening): void {
    if (event.type === 'missed') this.readAll()
    if (!isOfRequest(event)) return
    this.#heard.push(event)
    this.#drawing ??= setTimeout(() => this.#draw(), DRAWN_AFTER_MS)
    this.#reading ??= setTimeout(() => {
      this.#reading = undefined
      void read(NEWEST, this.#closed.signal)
    }, READ_AFTER_MS)
  }

  #draw(): void {
    this.#drawing = undefined
    const known = new Map<string, Request>()
    for (const request of log.value.requests ?? []) known.set(request.request_id, request)
    const changed = new Map<string, Request>()
    for (const event of this.#heard) {
      const { request_id } = event.data
      changed.set(request_id, after(event, changed.get(request_id) ?? known.get(request_id)))
    }
    this.#heard = []
    take([...changed.values()])
  }

  close(): void {
    this.#closed.abort()
    clearTimeout(this.#drawing)
    clearTimeout(this.#reading)
  }
}
