/**
 * Kept answers on disk, each in a file of its own. What comes is written in groups, off this thread; what is old or over
 * the limits is erased. There is no timer where there is no answer.
 */

import { createHash } from 'node:crypto'
import type { InferenceChunk } from '../../interface/chunks.ts'
import type { Clock, Timer } from '../../interface/clock.ts'
import { LumosError, toLumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import { AnswerFile, answerRecords, eraseAnswer, foundAnswers } from '../../storage/answers/answer-file.ts'
import type { KeptAnswer } from './kept-answer.ts'
import { type AnswerRecord, decodeRecord, encodeRecord } from './records.ts'
import { type KeptFile, overLimits, type RetentionLimits } from './retention.ts'

/** What a kill may lose of an answer: its chunks of this time, and of the write before it. */
export const FLUSH_MS = 100
/** While answers are written, limits are held this often, and whenever one has ended. */
const SWEEP_MS = 1000
/** Files that are written at once: more would only wait for each other. */
const WRITES_AT_ONCE = 16
/** Chunks of one record: more wait for the next one. */
const CHUNKS_MAX = 2048
/** What a reader gets of a file in one go. */
const LOAD_CHARS = 1024 * 1024

/** `a`: this device asks. `o`: it answers another one. */
export type Kind = 'a' | 'o'
export const nameOf = (kind: Kind, id: string): string =>
  `${kind}-${createHash('sha256').update(id).digest('hex').slice(0, 32)}`

interface Live {
  readonly name: string
  readonly answer: KeptAnswer
  file: AnswerFile | undefined
  /** The device that is on disk. */
  routed: KeptAnswer['route']
  /** It is over the limits, or the disk refuses it. */
  unkept: boolean
  done(): void
  readonly over: Promise<void>
}

/** What a file says, its chunks aside. */
export interface StoredAnswer extends Omit<AnswerRecord, 'chunks'> {
  readonly head: NonNullable<AnswerRecord['head']>
  readonly first: number
  readonly next: number
}

export interface AnswerStoreComponents {
  readonly directory: string
  readonly key: Uint8Array
  readonly clock: Clock
  readonly log: Logger
  readonly limits: RetentionLimits
}

export class AnswerStore {
  readonly #components: AnswerStoreComponents
  readonly #files = new Map<string, KeptFile>()
  readonly #live = new Map<string, Live>()
  readonly #dirty = new Set<Live>()
  #opened: Promise<void> | undefined
  #flushing: Promise<void> | undefined
  #flushTimer: Timer | undefined
  #sweepTimer: Timer | undefined
  #sweepDueMs = 0
  #closed = false

  constructor(components: AnswerStoreComponents) {
    this.#components = components
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

  /** From now on what comes of the answer is written. @param going whether its file is there already. */
  async keep(name: string, answer: KeptAnswer, going = false): Promise<void> {
    const { promise: over, resolve: done } = Promise.withResolvers<void>()
    const live: Live = { name, answer, file: undefined, routed: answer.route, unkept: false, done, over }
    this.#live.set(name, live)
    if (!going) return
    const { directory, key } = this.#components
    live.file = await AnswerFile.reopen(directory, name, key)
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

  async #write(live: Live): Promise<void> {
    const { answer, name } = live
    const ended = answer.state !== 'running'
    const chunks = answer.unwritten.slice(0, CHUNKS_MAX)
    const all = chunks.length === answer.unwritten.length
    try {
      // One whole output is asked for again rather than kept.
      if (chunks.some(({ type }) => type === 'output')) await this.#drop(live)
      if (!live.unkept && (chunks.length > 0 || live.file !== undefined || answer.durable))
        await this.#append(live, chunks, ended && all)
    } catch (thrown) {
      const { code, message } = toLumosError(thrown)
      this.#components.log.warn({ code, why: message }, 'an answer could not be kept')
      await this.#drop(live)
    }
    answer.written(chunks.length)
    if (!all) this.#dirty.add(live)
    else if (ended) await this.#ended(live)
    const file = this.#files.get(name)
    if (file !== undefined && live.file !== undefined) file.bytes = live.file.bytes
  }

  async #append(live: Live, chunks: readonly InferenceChunk[], last: boolean): Promise<void> {
    const { answer, name } = live
    const { directory, key, clock } = this.#components
    const { head, route, state, failure } = answer
    const isNew = live.file === undefined
    live.file ??= await AnswerFile.create(directory, name, key)
    // Without an end it may still be gone on with: see `recover` in `answers.ts`.
    const end = last && state !== 'interrupted' && state !== 'running'
    await live.file.append(
      encodeRecord({
        head: isNew ? head : undefined,
        route: route === live.routed && !isNew ? undefined : route && plain(route),
        chunks: chunks.length > 0 ? chunks : undefined,
        end: end
          ? { state, error: failure ? { code: failure.code, message: failure.message } : null }
          : undefined
      })
    )
    live.routed = route
    const changedAtMs = clock.wallMs()
    this.#files.set(name, { name, bytes: live.file.bytes, changedAtMs, askedBy: head.askedBy, live: true })
  }

  async #ended(live: Live): Promise<void> {
    await live.file?.close().catch(() => {})
    live.file = undefined
    if (this.#live.get(live.name) === live) this.#live.delete(live.name)
    const file = this.#files.get(live.name)
    if (file !== undefined) file.live = false
    this.#sweepDueMs = 0
    live.done()
  }

  async #drop(live: Live): Promise<void> {
    live.unkept = true
    await live.file?.close().catch(() => {})
    live.file = undefined
    await this.#erase(live.name)
  }

  /** What the file says without its chunks. Nothing where there is no file, or it opens for another key. */
  async stored(name: string): Promise<StoredAnswer | undefined> {
    await this.open()
    if (!this.#files.has(name)) return undefined
    let first: number | undefined
    let next = 0
    let stored: Omit<AnswerRecord, 'chunks'> = {}
    for (const { chunks = [], ...rest } of await this.#records(name)) {
      first ??= chunks[0]?.index
      next = (chunks.at(-1)?.index ?? next - 1) + 1
      stored = { ...stored, ...defined(rest) }
    }
    const { head } = stored
    return head && { ...stored, head, first: first ?? 0, next }
  }

  /** Some chunks from this index on. */
  async chunks(name: string, from: number): Promise<InferenceChunk[]> {
    if (this.#live.get(name)?.unkept)
      throw new LumosError('STORE_FULL', 'The answer is not kept: it is over the limits of answers.')
    const found: InferenceChunk[] = []
    let chars = 0
    for (const { chunks = [] } of await this.#records(name)) {
      for (const chunk of chunks) {
        if (chunk.index < from || chars > LOAD_CHARS) continue
        found.push(chunk)
        chars += sizeOf(chunk)
      }
    }
    return found
  }

  async #records(name: string): Promise<AnswerRecord[]> {
    const { directory, key } = this.#components
    try {
      return (await answerRecords(directory, name, key)).map(decodeRecord)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
      this.#files.delete(name)
      return []
    }
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
      this.#sweepTimer = clock.setTimer(() => void this.sweep(), Math.max(1, nextMs))
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

const plain = ({ peerId, task, model }: NonNullable<KeptAnswer['route']>) => ({ peerId, task, model })

const defined = <T extends object>(value: T): Partial<T> =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>

function sizeOf(chunk: InferenceChunk): number {
  if (chunk.type === 'text') return chunk.text.length
  if (chunk.type === 'data') return chunk.bytes.byteLength
  return chunk.type === 'delta' ? (chunk.text?.length ?? 0) + (chunk.logprobs?.length ?? 0) * 512 + 64 : 64
}
