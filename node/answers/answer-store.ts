/**
 * Kept answers on disk, each in a file of its own. What comes is written in groups, off this thread; what is old or over
 * the limits is erased. There is no timer where there is no answer.
 */

import { createHash } from 'node:crypto'
import type { InferenceChunk } from '../../interface/chunks.ts'
import type { Clock, Timer } from '../../interface/clock.ts'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { eraseAnswer, foundAnswers } from '../../storage/answers/answer-file.ts'
import type { KeptAnswer } from './kept-answer.ts'
import { type AnswerPlace, LiveAnswer } from './live-answer.ts'
import { type KeptFile, overLimits, type RetentionLimits } from './retention.ts'
import { type StoredAnswer, StoredAnswers } from './stored-answers.ts'

/** What a kill may lose of an answer: its chunks of this time, and of the write before it. */
const FLUSH_MS = 100
/** While answers are written, limits are held this often, and whenever one has ended. */
const SWEEP_MS = 1000
/** A timer waits no longer, however long answers are kept. */
const SWEEP_MS_MAX = 3_600_000
/** Files that are written at once: more would only wait for each other. */
const WRITES_AT_ONCE = 16
/** Chunks of one record: more wait for the next one. */
const CHUNKS_MAX = 2048

/** `a`: this device asks. `o`: it answers another one. */
export type Kind = 'a' | 'o'
export const nameOf = (kind: Kind, id: string): string =>
  `${kind}-${createHash('sha256').update(id).digest('hex').slice(0, 32)}`

export interface AnswerStoreComponents extends AnswerPlace {
  readonly clock: Clock
  readonly log: Logger
  readonly limits: RetentionLimits
}

export class AnswerStore {
  readonly #components: AnswerStoreComponents
  readonly #reader: StoredAnswers
  readonly #files = new Map<string, KeptFile>()
  readonly #live = new Map<string, LiveAnswer>()
  readonly #dirty = new Set<LiveAnswer>()
  #opened: Promise<void> | undefined
  #flushing: Promise<void> | undefined
  #flushTimer: Timer | undefined
  #sweepTimer: Timer | undefined
  #sweepDueMs = 0
  #closed = false

  constructor(components: AnswerStoreComponents) {
    this.#components = components
    this.#reader = new StoredAnswers(components)
  }

  /** Reads what there is, once. */
  open(): Promise<void> {
    this.#opened ??= this.#open()
    return this.#opened
  }

  async #open(): Promise<void> {
    for (const file of await foundAnswers(this.#components.directory))
      if (!this.#files.has(file.name))
        this.#files.set(file.name, { ...file, askedBy: undefined, live: false })
    await this.sweep()
  }

  /** Files of this kind that were changed in the last `ms`. */
  recent(kind: Kind, ms: number): string[] {
    const sinceMs = this.#components.clock.wallMs() - ms
    return [...this.#files.values()]
      .filter(({ name, changedAtMs, live }) => name.startsWith(kind) && !live && changedAtMs >= sinceMs)
      .map(({ name }) => name)
  }

  names(kind: Kind): string[] {
    const names = new Set([...this.#live.keys(), ...this.#files.keys()])
    return [...names].filter(name => name.startsWith(kind))
  }

  live(name: string): KeptAnswer | undefined {
    return this.#live.get(name)?.answer
  }

  /** Resolves when all of an answer that has ended is on disk; at once for one that runs. */
  async settled(name: string): Promise<void> {
    const live = this.#live.get(name)
    if (live !== undefined && live.answer.state !== 'running') await live.over
  }

  /** The peer that has asked for it in this life of the node; null for another one. Nothing where there is no file. */
  askedBy(name: string): string | null | undefined {
    const file = this.#files.get(name)
    return file && (file.askedBy ?? null)
  }

  /** From now on what comes of the answer is written. @param going whether its file is there already. */
  async keep(name: string, answer: KeptAnswer, going = false): Promise<void> {
    const live = new LiveAnswer(name, answer, this.#components)
    // A file that was erased meanwhile is not gone on with.
    if (going) await live.reopen()
    this.#live.set(name, live)
  }

  changed(answer: KeptAnswer, name: string): void {
    const live = this.#live.get(name)
    if (live?.answer !== answer) return
    this.#dirty.add(live)
    if (this.#flushing !== undefined) return
    this.#flushTimer ??= this.#components.clock.setTimer(() => void this.flush(), FLUSH_MS)
  }

  /** Writes what there is to write. Never rejects. */
  flush(): Promise<void> {
    this.#flushTimer?.cancel()
    this.#flushTimer = undefined
    this.#flushing ??= this.#flush().finally(() => {
      this.#flushing = undefined
      if (this.#dirty.size > 0 && !this.#closed)
        this.#flushTimer = this.#components.clock.setTimer(() => void this.flush(), FLUSH_MS)
    })
    return this.#flushing
  }

  async #flush(): Promise<void> {
    await this.open().catch(() => {})
    const waiting = [...this.#dirty]
    this.#dirty.clear()
    const write = async () => {
      for (let live = waiting.pop(); live !== undefined; live = waiting.pop()) await this.#write(live)
    }
    await Promise.all(Array.from({ length: Math.min(WRITES_AT_ONCE, waiting.length) }, write))
    if (this.#components.clock.monotonicMs() >= this.#sweepDueMs) await this.sweep()
  }

  async #write(live: LiveAnswer): Promise<void> {
    const { answer } = live
    const ended = answer.state !== 'running'
    const chunks = answer.unwritten.slice(0, CHUNKS_MAX)
    const all = chunks.length === answer.unwritten.length
    try {
      // One whole output is asked for again rather than kept.
      if (chunks.some(({ type }) => type === 'output')) await this.#drop(live)
      if (!live.unkept && (chunks.length > 0 || live.hasFile || answer.durable)) {
        await live.append(chunks, ended && all)
        this.#wrote(live)
      }
    } catch (thrown) {
      const { code, message } = toLumosError(thrown)
      this.#components.log.warn({ code, why: message }, 'an answer could not be kept')
      await this.#drop(live)
    }
    answer.written(chunks.length)
    if (!all) this.#dirty.add(live)
    else if (ended) await this.#ended(live)
  }

  #wrote({ name, bytes, answer }: LiveAnswer): void {
    const changedAtMs = this.#components.clock.wallMs()
    this.#files.set(name, { name, bytes, changedAtMs, askedBy: answer.head.askedBy, live: true })
  }

  async #ended(live: LiveAnswer): Promise<void> {
    await live.close()
    if (this.#live.get(live.name) === live) this.#live.delete(live.name)
    const file = this.#files.get(live.name)
    if (file !== undefined) file.live = false
    this.#sweepDueMs = 0
    live.ended()
  }

  async #drop(live: LiveAnswer): Promise<void> {
    live.unkept = true
    await live.close()
    await this.#erase(live.name).catch(() => {})
  }

  /** What the file says without its chunks. Nothing where there is no file, or it opens for another key. */
  async stored(name: string): Promise<StoredAnswer | undefined> {
    await this.open()
    return this.#files.has(name) ? await this.#reader.stored(name) : undefined
  }

  /** Some chunks from this index on. */
  async chunks(name: string, from: number): Promise<InferenceChunk[]> {
    if (this.#live.get(name)?.unkept)
      throw new LumosError('STORE_FULL', 'The answer is not kept: it is over the limits of answers.')
    return await this.#reader.chunks(name, from)
  }

  async erase(name: string): Promise<void> {
    const live = this.#live.get(name)
    if (live !== undefined) {
      live.answer.cancel()
      this.#dirty.add(live)
      await this.flush()
      await live.over
    }
    await this.#erase(name)
  }

  async #erase(name: string): Promise<void> {
    this.#files.delete(name)
    await eraseAnswer(this.#components.directory, name)
  }

  /** Erases what has expired or is over the limits, and comes again when the next one expires. */
  async sweep(): Promise<void> {
    const { clock, limits, log } = this.#components
    this.#sweepDueMs = clock.monotonicMs() + SWEEP_MS
    const { names, nextMs } = overLimits([...this.#files.values()], limits, clock.wallMs())
    for (const name of names) {
      const live = this.#live.get(name)
      const erased = live === undefined ? this.#erase(name) : this.#drop(live)
      await erased.catch(err => log.warn({ err }, 'a kept answer could not be erased'))
    }
    this.#sweepTimer?.cancel()
    this.#sweepTimer = undefined
    if (nextMs !== undefined && !this.#closed)
      this.#sweepTimer = clock.setTimer(() => void this.sweep(), Math.min(Math.max(1, nextMs), SWEEP_MS_MAX))
  }

  /** All answers end, and what is there of them is written. */
  async close(): Promise<void> {
    this.#closed = true
    this.#sweepTimer?.cancel()
    const live = [...this.#live.values()]
    for (const one of live) {
      one.answer.end('interrupted', new LumosError('STREAM_INTERRUPTED', 'The node has stopped.'))
      this.#dirty.add(one)
    }
    while (this.#dirty.size > 0) await this.flush()
    await this.#flushing
    this.#flushTimer?.cancel()
  }
}
