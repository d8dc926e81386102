/**
 * One resource that is watched: it is read once for all its watchers, and no more often than a person sees.
 *
 * A watcher is a place in the versions that are kept and has no buffer of its own: one that reads slowly costs no
 * memory, and is given several changes as one, or the whole again.
 */

import type { Clock, Timer } from '../../interface/clock.ts'
import { type PatchStep, patchOf } from '../../interface/json-patch.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'

/** Four readings a second: a page shows no more, and a busy node is not kept busy by being watched. */
export const READ_MS_MIN = 250
/** Under the idle limits of clients and proxies. */
const HEARTBEAT_MS = 15_000
/** A program that was away for some seconds gets what changed meanwhile. */
const PATCHES_KEPT_MAX = 64

export type WatchItem =
  | { readonly type: 'snapshot'; readonly id: string; readonly data: unknown }
  | { readonly type: 'patch'; readonly id: string; readonly patch: PatchStep[] }
  | { readonly type: 'heartbeat'; readonly id: string }

export interface WatchedComponents {
  readonly clock: Clock
  /** Begins its ids: no other watched resource has it. */
  readonly epoch: string
  readonly everyMs: number
  read(options: AbortOptions): Promise<unknown>
  /** Calls `changed` after each event that may have changed it, until what it returns is called. */
  listen(changed: () => void): () => void
}

interface Patch {
  readonly steps: readonly PatchStep[]
  readonly chars: number
}

export class Watched {
  readonly #components: WatchedComponents
  /** Leads from one version to the next; the last one leads to `#version`. */
  #patches: Patch[] = []
  #version = 0
  #data: unknown
  #text = ''
  #watchers = 0
  #waiting = new Set<() => void>()
  /** While it is watched. */
  #active: AbortController | undefined
  #unlisten = () => {}
  /** Whether it was read since it is watched. */
  #isFresh = false
  #isReading = false
  #isChanged = false
  #lastReadMs = Number.NEGATIVE_INFINITY
  #next: { readonly atMs: number; readonly timer: Timer } | undefined
  #failure: unknown

  constructor(components: WatchedComponents) {
    this.#components = components
  }

  get watchers(): number {
    return this.#watchers
  }

  /** Whether its reading has failed: its watchers get the error, and a new one another reading. */
  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  /** @param since the id of the last item that this watcher has. Where it is not known, the watcher begins anew. */
  async *watch(since: string | undefined, signal: AbortSignal | undefined): AsyncGenerator<WatchItem> {
    this.#enter()
    try {
      let version = this.#versionOf(since)
      while (!signal?.aborted) {
        if (this.#failure !== undefined) throw this.#failure
        if (this.#isFresh && version !== this.#version) {
          const item = this.#itemSince(version)
          // Before the watcher reads on: by then there may be another.
          version = this.#version
          yield item
        } else if (!(await this.#change(signal))) yield { type: 'heartbeat', id: this.#id }
      }
    } finally {
      this.#leave()
    }
  }

  get #id(): string {
    return `${this.#components.epoch}-${this.#version}`
  }

  #versionOf(since: string | undefined): number {
    const [, epoch, version] = /^(\w+)-(\d{1,15})$/.exec(since ?? '') ?? []
    return epoch === this.#components.epoch ? Number(version) : 0
  }

  /** What has changed since then, where that is kept and shorter than the whole. */
  #itemSince(version: number): WatchItem {
    const id = this.#id
    const behind = this.#version - version
    const missed = behind > 0 && behind <= this.#patches.length ? this.#patches.slice(-behind) : undefined
    const chars = missed?.reduce((sum, patch) => sum + patch.chars, 0) ?? Number.POSITIVE_INFINITY
    if (chars >= this.#text.length) return { type: 'snapshot', id, data: this.#data }
    return { type: 'patch', id, patch: missed!.flatMap(({ steps }) => steps) }
  }

  #enter(): void {
    this.#watchers++
    if (this.#active !== undefined) return
    this.#active = new AbortController()
    this.#isFresh = false
    this.#unlisten = this.#components.listen(() => this.#touch())
    this.#touch()
  }

  #leave(): void {
    this.#watchers--
    if (this.#watchers > 0) return
    this.#unlisten()
    this.#active?.abort()
    this.#active = undefined
    this.#next?.timer.cancel()
    this.#next = undefined
  }

  #touch(): void {
    this.#isChanged = true
    if (!this.#isReading) this.#plan(this.#lastReadMs + READ_MS_MIN)
  }

  #plan(atMs: number): void {
    if (this.#active === undefined || (this.#next && this.#next.atMs <= atMs)) return
    this.#next?.timer.cancel()
    const { clock } = this.#components
    const timer = clock.setTimer(() => void this.#read(), Math.max(0, atMs - clock.monotonicMs()))
    this.#next = { atMs, timer }
  }

  async #read(): Promise<void> {
    const { clock, read, everyMs } = this.#components
    const signal = this.#active!.signal
    this.#next = undefined
    this.#isReading = true
    this.#isChanged = false
    try {
      const text = JSON.stringify(await read({ signal }))
      if (!signal.aborted) this.#take(text)
    } catch (err) {
      if (!signal.aborted) this.#failure = err
      this.#wake()
    }
    this.#isReading = false
    this.#lastReadMs = clock.monotonicMs()
    if (this.#failure === undefined) this.#plan(this.#lastReadMs + (this.#isChanged ? READ_MS_MIN : everyMs))
  }

  #take(text: string): void {
    if (!this.#isFresh) this.#wake()
    this.#isFresh = true
    if (text === this.#text) return
    this.#wake()
    const data: unknown = JSON.parse(text)
    if (this.#version > 0) {
      const steps = patchOf(this.#data, data)
      this.#patches.push({ steps, chars: JSON.stringify(steps).length })
      if (this.#patches.length > PATCHES_KEPT_MAX) this.#patches.shift()
    }
    this.#version++
    this.#data = data
    this.#text = text
  }

  /** False when nothing has happened for the time of a heartbeat. */
  #change(signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise(resolve => {
      const done = (happened: boolean) => {
        timer.cancel()
        this.#waiting.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve(happened)
      }
      const wake = () => done(true)
      const timer = this.#components.clock.setTimer(() => done(false), HEARTBEAT_MS)
      this.#waiting.add(wake)
      signal?.addEventListener('abort', wake)
    })
  }

  #wake(): void {
    for (const wake of this.#waiting) wake()
  }
}
