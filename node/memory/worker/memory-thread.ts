/**
 * The engine of memory behind its thread. It starts with the first call. Where a call does not get on in time, the thread
 * is ended, and the next call starts another one. An envelope at which that happened twice is poison.
 */

import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import type { Logger } from '../../../interface/lifecycle.ts'
import type { EngineEvent, EngineMember, MemoryEngine } from './engine.ts'
import { MEMORY_WORKER } from './entries.ts'
import {
  APPLYING_BYTES,
  type Ask,
  CALLS,
  type CallName,
  COUNTER_AT,
  type Failure,
  type Reply,
  type Start
} from './messages.ts'

/** One envelope of another device: the largest takes a hundredth of this. */
const ENVELOPE_MS_MAX = 5000
/** All else is as long as a document or a space is large: any write may be the one that saves it, and a board is slow. */
const STEP_MS_MAX = 120_000
/** A document of 50 MB is ten times as large in memory. */
const HEAP_MB_MAX = 1024
/** What lives for one call. Without a bound V8 lets it grow, and a thread of 20 MB keeps 150. */
const YOUNG_MB_MAX = 12

export interface MemoryThreadOptions extends Pick<Start, 'path' | 'seed' | 'spaceBytesMax'> {
  readonly clock: Clock
  readonly log: Logger
  /** For tests of what hangs. */
  readonly worker?: URL
  readonly envelopeMsMax?: number
  readonly heapMbMax?: number
}

interface Task {
  readonly ask: Ask
  resolve(value: unknown): void
  reject(error: unknown): void
}

class MemoryThread {
  readonly #options: MemoryThreadOptions
  readonly #listeners = new Set<(event: EngineEvent) => void>()
  readonly #tasks = new Map<number, Task>()
  readonly #poison: Uint8Array[] = []
  /** Once may be a device that was asleep, or a disk that was. */
  readonly #suspects = new Set<string>()
  /** Told anew to each thread. */
  #members: readonly [string | null, readonly EngineMember[]] | undefined
  #worker: Worker | undefined
  #applying = new SharedArrayBuffer(APPLYING_BYTES)
  #timer: Timer | undefined
  #ending: Promise<unknown> | undefined
  #lastId = 0
  #isClosed = false
  #isClosing = false

  constructor(options: MemoryThreadOptions) {
    this.#options = options
  }

  onEvent(listener: (event: EngineEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async call(name: CallName | 'close', args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    await this.#ending
    signal?.throwIfAborted()
    if (this.#isClosed) throw new LumosError('NODE_NOT_RUNNING', 'The memory of this node is closed.')
    if (name === 'setMembers') this.#members = args as [string | null, readonly EngineMember[]]
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const ask = { id: ++this.#lastId, name, args }
    // What was given up is done all the same: its answer goes nowhere.
    const onAbort = () => reject(signal!.reason)
    signal?.addEventListener('abort', onAbort)
    const worker = this.#start()
    this.#tasks.set(ask.id, { ask, resolve, reject })
    worker.postMessage(ask)
    return promise.finally(() => signal?.removeEventListener('abort', onAbort))
  }

  async close(): Promise<void> {
    if (this.#isClosing) return
    this.#isClosing = true
    const worker = this.#worker
    if (worker !== undefined) {
      // A process with nothing else to do would end before what was written is saved.
      worker.ref()
      const ended = new Promise(resolve => worker.once('exit', resolve))
      await this.call('close', []).catch(() => worker.terminate())
      await ended
    }
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const { path, seed, spaceBytesMax, worker: url = MEMORY_WORKER, heapMbMax = HEAP_MB_MAX } = this.#options
    this.#applying = new SharedArrayBuffer(APPLYING_BYTES)
    const workerData: Start = { path, seed, spaceBytesMax, poison: this.#poison, applying: this.#applying }
    const resourceLimits = { maxOldGenerationSizeMb: heapMbMax, maxYoungGenerationSizeMb: YOUNG_MB_MAX }
    const worker = new Worker(url, { workerData, resourceLimits })
    worker.unref()
    worker.on('message', (reply: Reply) => this.#worker === worker && this.#take(reply))
    worker.on('error', error => this.#over(worker, endOf(error)))
    worker.on('exit', () => this.#over(worker, new LumosError('INTERNAL', 'The thread of memory has ended.')))
    this.#worker = worker
    this.#watch()
    if (this.#members !== undefined) {
      const ask: Ask = { id: 0, name: 'setMembers', args: this.#members }
      worker.postMessage(ask)
    }
    return worker
  }

  #take(reply: Reply): void {
    if (reply.type === 'events') {
      for (const event of reply.events) for (const listener of this.#listeners) listener(event)
      return
    }
    if (reply.type === 'begun') return void this.#watch()
    const task = this.#tasks.get(reply.id)
    this.#tasks.delete(reply.id)
    if (this.#tasks.size === 0) this.#timer?.cancel()
    if (reply.type === 'value') task?.resolve(reply.value)
    else task?.reject(errorOf(reply.failure))
  }

  /** A call has begun: as long as its counter moves, it gets on. */
  #watch(): void {
    this.#timer?.cancel()
    const { clock, envelopeMsMax = ENVELOPE_MS_MAX } = this.#options
    const mark = new Uint8Array(this.#applying)
    let count = mark[COUNTER_AT]
    let stillMs = 0
    const look = (): void => {
      stillMs = mark[COUNTER_AT] === count ? stillMs + envelopeMsMax : 0
      count = mark[COUNTER_AT]
      if (stillMs >= (mark[0] === 1 ? envelopeMsMax : STEP_MS_MAX)) this.#end()
      else this.#timer = clock.setTimer(look, envelopeMsMax)
    }
    this.#timer = clock.setTimer(look, envelopeMsMax)
  }

  /** It does not answer: no call to it can be trusted to end. */
  #end(): void {
    const worker = this.#worker
    if (worker === undefined) return
    this.#over(
      worker,
      new LumosError('TIMEOUT', 'The thread of memory did not answer in its time and was ended.')
    )
    // Its connection holds the lock of the database until it has ended.
    this.#ending = worker.terminate().finally(() => (this.#ending = undefined))
  }

  #over(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#timer?.cancel()
    const mark = new Uint8Array(this.#applying)
    const hash = mark.slice(1, COUNTER_AT)
    const name = Buffer.from(hash).toString('hex')
    if (mark[0] === 1 && this.#suspects.has(name)) this.#poison.push(hash)
    if (mark[0] === 1) this.#suspects.add(name)
    if (!this.#isClosing) this.#options.log.error({ err: error }, 'the thread of memory has ended')
    const tasks = [...this.#tasks.values()]
    this.#tasks.clear()
    for (const { reject } of tasks) reject(error)
  }
}

/** Another document may be no such one, so the next thread goes on. */
const endOf = (error: unknown): unknown =>
  (error as { code?: unknown }).code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? new LumosError(
        'MEMORY_FULL',
        'The thread of memory had no room left for what it was asked, and was ended.',
        {
          cause: error
        }
      )
    : error

const errorOf = ({ code, message, hint, details }: Failure): LumosError =>
  new LumosError(code, message, { details, ...(hint === undefined ? {} : { hint }) })

/** Every call of the engine takes options last, of which the thread gets all but the signal. */
export function openMemoryEngine(options: MemoryThreadOptions): MemoryEngine {
  const thread = new MemoryThread(options)
  const calls = CALLS.map(name => {
    const call = async (...args: unknown[]): Promise<unknown> => {
      const last = args.at(-1)
      if (!isOptions(last)) return thread.call(name, args)
      const { signal, ...rest } = last
      return thread.call(name, [...args.slice(0, -1), rest], signal)
    }
    return [name, call]
  })
  return {
    ...Object.fromEntries(calls),
    onEvent: (listener: (event: EngineEvent) => void) => thread.onEvent(listener),
    close: () => thread.close()
  } as MemoryEngine
}

const isOptions = (value: unknown): value is { signal?: AbortSignal } =>
  typeof value === 'object' && value !== null && 'signal' in value && value.signal instanceof AbortSignal
