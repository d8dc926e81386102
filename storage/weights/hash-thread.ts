/** Asks the thread that hashes weights. It starts with the first question, and ends when there was none for a while. */

import { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../../interface/clock.ts'
import { OverloadedError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { HASH_WORKER } from '../entries.ts'
import type { Ask, Dag, Hashed, LinkedFile, Reply } from './hash-messages.ts'
import { fileDag, plainDirectoryDag } from './plain-nodes.ts'

/** Starting a thread and loading its libraries costs 200 ms, and an idle one holds 20 MB. */
const IDLE_MS = 5000
/** The nodes of a file of 4 GiB take as long as a message to the thread; its start takes a hundred times that. */
const DIGESTS_HERE_MAX = 4096 * 32
const FILES_HERE_MAX = 512
/** A thread that ends by itself mostly had too little memory. */
const RETRY_AFTER_MS = 1000

export interface HashOptions extends AbortOptions {
  /** Called for each part that was read. */
  onBytes?: ((bytes: number) => void) | undefined
}

/** A file that is hashed while it comes. */
export interface Followed {
  /** SHA-256 in hex, once all leaves are there. */
  readonly hashed: Promise<string>
  /** @returns the SHA-256 of a leaf that was written. Where another one is expected, the leaf is still to come. */
  leaf(leaf: number, expected: Uint8Array | undefined): Promise<Uint8Array>
  cancel(): void
}

interface Task {
  resolve(value: unknown): void
  reject(error: unknown): void
  onBytes: ((bytes: number) => void) | undefined
}

/** The thread knows each by its number. */
type Question = Ask extends infer A ? (A extends Ask ? Omit<A, 'id'> : never) : never

export class HashThread {
  readonly #clock: Clock
  readonly #code: URL
  readonly #tasks = new Map<number, Task>()
  #worker: Worker | undefined
  #idle: Timer | undefined
  #lastId = 0

  constructor(clock: Clock, code = HASH_WORKER) {
    this.#clock = clock
    this.#code = code
  }

  /** @param copyTo where the file is copied in the same pass; must not be there. */
  async hash(path: string, bytes: number, options: HashOptions & { copyTo?: string } = {}): Promise<Hashed> {
    const { copyTo, ...rest } = options
    return (await this.#ask({ type: 'hash', path, bytes, copyTo }, rest).answer) as Hashed
  }

  /** @param there a 1 for each leaf that is there, and was checked. */
  follow(path: string, bytes: number, there: Uint8Array): Followed {
    const { id: of, answer } = this.#ask({ type: 'follow', path, bytes, there })
    // Its failure is seen by the caller that waits for the hash.
    answer.catch(() => undefined)
    return {
      hashed: answer as Promise<string>,
      leaf: async (leaf, digest) => {
        // Of a view, all that it is a view of would be sent along.
        const expected = digest && new Uint8Array(digest)
        return (await this.#ask({ type: 'leaf', of, leaf, expected }).answer) as Uint8Array
      },
      cancel: () => this.#cancel(of, new Error(`${path} is no longer hashed.`))
    }
  }

  /** The SHA-256 of each of these leaves, one after the other; zeros for a leaf that cannot be read. */
  async digests(
    path: string,
    bytes: number,
    leaves: readonly number[],
    options: HashOptions
  ): Promise<Uint8Array> {
    return (await this.#ask({ type: 'digests', path, bytes, leaves }, options).answer) as Uint8Array
  }

  async fileDag(bytes: number, digests: Uint8Array, options?: AbortOptions): Promise<Dag> {
    if (digests.length <= DIGESTS_HERE_MAX) return fileDag({ bytes, digests })
    return (await this.#ask({ type: 'file', bytes, digests }, options).answer) as Dag
  }

  async directoryDag(files: readonly LinkedFile[], options?: AbortOptions): Promise<Dag> {
    const plain = files.length <= FILES_HERE_MAX ? plainDirectoryDag(files) : undefined
    if (plain !== undefined) return plain
    return (await this.#ask({ type: 'directory', files }, options).answer) as Dag
  }

  async close(): Promise<void> {
    this.#idle?.cancel()
    this.#fail(new Error('The store of weights is closed.'))
    await this.#worker?.terminate()
  }

  #ask(question: Question, { signal, onBytes }: HashOptions = {}) {
    signal?.throwIfAborted()
    const id = ++this.#lastId
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const onAbort = () => this.#cancel(id, signal!.reason)
    signal?.addEventListener('abort', onAbort)
    this.#tasks.set(id, { resolve, reject, onBytes })
    this.#start().postMessage({ ...question, id })
    return { id, answer: promise.finally(() => signal?.removeEventListener('abort', onAbort)) }
  }

  #start(): Worker {
    this.#idle?.cancel()
    this.#worker?.ref()
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(this.#code)
    worker.on('message', (reply: Reply) => this.#take(reply))
    let why = 'it exited'
    // The exit follows.
    worker.on('error', (thrown: Error) => (why = thrown.message))
    worker.on('exit', () => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#fail(new OverloadedError(`The thread that hashes weights has ended: ${why}`, RETRY_AFTER_MS))
    })
    this.#worker = worker
    return worker
  }

  #take(reply: Reply): void {
    const task = this.#tasks.get(reply.id)
    if (task === undefined) return
    if ('read' in reply) {
      task.onBytes?.(reply.read)
      return
    }
    if ('value' in reply) task.resolve(reply.value)
    else task.reject(Object.assign(new Error(reply.error.message), { code: reply.error.code }))
    this.#ended(reply.id)
  }

  #cancel(id: number, reason: unknown): void {
    const task = this.#tasks.get(id)
    if (task === undefined) return
    this.#worker?.postMessage({ id, type: 'cancel' } satisfies Ask)
    task.reject(reason)
    this.#ended(id)
  }

  #ended(id: number): void {
    this.#tasks.delete(id)
    if (this.#tasks.size > 0) return
    const worker = this.#worker
    worker?.unref()
    this.#idle = this.#clock.setTimer(() => {
      this.#worker = undefined
      void worker?.terminate()
    }, IDLE_MS)
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#tasks.values()) reject(error)
    this.#tasks.clear()
  }
}
