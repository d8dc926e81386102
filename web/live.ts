/**
 * Data that stays true while it is on the screen. One stream of events is open for the whole page, because browsers
 * allow six connections to a server; a query is asked again when an event says that its answer is another one.
 */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import type { Units } from '../client/index.ts'
import { call, happenings, type Output, type PageEvent, type UnitName } from './node.ts'
import { state } from './state.ts'

/** Events come in bursts: a query is asked again once for all of them. */
const SETTLE_MS = 150
/** How soon after the node was lost it is looked for again. */
export const RETRY_MS = 2_000

/** `missed`: the stream of events was away, so any answer may be another one. */
export type Happening = Extract<PageEvent, { type: 'event' }> | { readonly type: 'missed' }
type Listener = (event: Happening) => void
const listeners = new Set<Listener>()

/** Calls `listener` with each event while the part of the page is there. */
export function useEvents(listener: Listener): void {
  const latest = useRef(listener)
  latest.current = listener
  useEffect(() => {
    const own: Listener = event => latest.current(event)
    listeners.add(own)
    return () => {
      listeners.delete(own)
    }
  }, [])
}

/** Runs as long as the page does. */
export async function follow(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const events = happenings(signal)
      // What happened while the stream was away is in the answers of the queries.
      tell({ type: 'missed' })
      for await (const event of events) tell(event.type === 'event' ? event : { type: 'missed' })
    } catch {
      // What is wrong is shown by the frame of the page.
    }
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

function tell(event: Happening): void {
  for (const listener of [...listeners]) listener(event)
}

type Input<N extends UnitName> = Units[N]['input']

export interface Live<T> {
  readonly data: T | undefined
  /** Why the last reading failed; `data` is then that of the one before. */
  readonly error: unknown
  reload(): void
  /** Reads again after a moment, once for all that ask meanwhile. */
  soon(): void
}

export interface LiveOptions {
  /** Names of events, or beginnings such as `peer.`, after which it is read again. */
  readonly on?: readonly string[]
  /** For what no event tells, such as the load of a device. Nothing is read while the page is hidden. */
  readonly everyMs?: number
  /** By another device. */
  readonly peer?: string | undefined
  /** False: not yet. */
  readonly when?: boolean
}

/** The answer of a query, and of the same query again whenever that may be another one. */
export function useUnit<N extends UnitName>(
  unit: N,
  input: Input<N> = {},
  options: LiveOptions = {}
): Live<Output<N>> {
  type T = Output<N>
  const { on = [], everyMs, peer, when = true } = options
  const [{ data, error, key: read }, set] = useState<{ key: string; data?: T; error?: unknown }>({ key: '' })
  const timer = useRef<number | undefined>(undefined)
  const aborter = useRef<AbortController | undefined>(undefined)
  const key = JSON.stringify([unit, input, peer])

  const load = useCallback(async () => {
    aborter.current?.abort()
    aborter.current = new AbortController()
    const { signal } = aborter.current
    try {
      const [unit, input, peer] = JSON.parse(key) as [N, Input<N>, string | null]
      const data = await call(unit, input, { peer: peer ?? undefined, signal })
      if (!signal.aborted) set({ key, data })
    } catch (error) {
      if (!signal.aborted) set(before => ({ key, data: before.key === key ? before.data : undefined, error }))
    }
  }, [key])

  const soon = useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined
      void load()
    }, SETTLE_MS) as unknown as number
  }, [load])

  useEvents(event => {
    if (!when) return
    if (event.type === 'missed' || on.some(name => event.name.startsWith(name))) soon()
  })
  useEffect(() => {
    if (!when) return
    void load()
    const every = everyMs && setInterval(() => document.hidden || void load(), everyMs)
    const back = state.watch(() => state.value.online && soon())
    return () => {
      clearInterval(every)
      clearTimeout(timer.current)
      timer.current = undefined
      back()
      aborter.current?.abort()
    }
  }, [load, soon, everyMs, when])

  return {
    data: read === key ? data : undefined,
    error: read === key ? error : undefined,
    reload: load,
    soon
  }
}
