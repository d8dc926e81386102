/** The thread that parses large bodies and forms: begun with the first one, and ended when there has been none for a while. */

import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../interface/clock.ts'
import { LumosError, OverloadedError } from '../interface/errors.ts'
import type { BodyForm, FromWorker, ToWorker } from './json-worker.ts'

/** In the bundle it lies beside this file, too. */
const WORKER = new URL(`./json-worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)
/** A program that sends pictures sends the next one soon; a thread costs some ten megabytes. */
const IDLE_MS = 10_000
const RETRY_AFTER_MS = 1000

interface Body {
  whole: boolean
  settle(value: unknown): void
  fail(err: Error): void
}

/** A body on its way to the thread. */
export interface LargeText {
  push(part: Uint8Array): void
  /**
   * @param as what it is; JSON where nothing is said.
   * @throws {LumosError} `INVALID_INPUT`, or `INPUT_TOO_LARGE`.
   */
  parse(as?: BodyForm): Promise<unknown>
  /** The rest does not come. After `parse`, nothing. */
  drop(): void
}

export class JsonThread {
  readonly #clock: Clock
  readonly #bodies = new Map<number, Body>()
  #worker: Worker | undefined
  #idle: Timer | undefined
  #last = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(): LargeText {
    this.#idle?.cancel()
    this.#worker ??= this.#start()
    const worker = this.#worker
    const id = ++this.#last
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    // A body that fails before it is whole fails when it is asked for.
    promise.catch(() => {})
    const body: Body = { whole: false, settle: resolve, fail: reject }
    this.#bodies.set(id, body)
    const say = (said: ToWorker, own: ArrayBuffer[] = []) => worker.postMessage(said, own)
    return {
      push(bytes) {
        // What comes from a socket is a view of a buffer that holds more.
        const part = new Uint8Array(bytes)
        say({ type: 'part', id, part }, [part.buffer])
      },
      parse: (as = { form: 'json' }) => {
        body.whole = true
        say({ type: 'end', id, as })
        return promise
      },
      drop: () => {
        if (body.whole || !this.#bodies.has(id)) return
        say({ type: 'drop', id })
        this.#end(id)
      }
    }
  }

  #start(): Worker {
    const worker = new Worker(WORKER)
    worker.unref()
    worker.on('message', (said: FromWorker) => {
      const body = this.#end(said.id)
      if ('value' in said) body?.settle(said.value)
      else body?.fail(new LumosError(said.failure.code, said.failure.message))
    })
    worker.on('error', () => {})
    worker.on('exit', () => {
      if (this.#worker === worker) this.#lost()
    })
    return worker
  }

  /** No body ends the thread; if it ends nevertheless, no caller waits for ever. */
  #lost(): void {
    this.#worker = undefined
    const bodies = [...this.#bodies.values()]
    this.#bodies.clear()
    for (const { fail } of bodies)
      fail(new OverloadedError('The thread that parses large bodies has ended.', RETRY_AFTER_MS))
  }

  #end(id: number): Body | undefined {
    const body = this.#bodies.get(id)
    this.#bodies.delete(id)
    if (this.#bodies.size === 0) this.#idle = this.#clock.setTimer(() => this.#stop(), IDLE_MS)
    return body
  }

  #stop(): void {
    const worker = this.#worker
    this.#worker = undefined
    void worker?.terminate()
  }
}
