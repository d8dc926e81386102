/** Answers that this device asks for. */

import {
  type AnswerInfo,
  type AnswerOptions,
  type AnswerRoute,
  type AnswerSource,
  type ReadAnswerOptions,
  requestIdOf
} from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { CancelledError, OverloadedError } from '../../interface/errors.ts'
import { MAX_BUDGET_MS } from '../../interface/inference.ts'
import { encodeNote, NOTE_BYTES_MAX, type RemoteAnswer } from '../../protocols/answers/index.ts'
import type { MeshContext } from '../feature.ts'
import { Deadline } from '../network/deadline.ts'
import { type AnswerStore, nameOf } from './answer-store.ts'
import { KeptAnswer } from './kept-answer.ts'
import { chunksOfStored, infoOfKept, infoOfStored, type OpenedAnswer, unknown } from './opened.ts'
import type { StoredAnswer } from './stored-answers.ts'

/** Answers that run at once, their readers gone or not: admission bounds what devices work on. */
const RUNNING_MAX = 2048
const RETRY_AFTER_MS = 1000

export interface OwnAnswersComponents {
  readonly mesh: MeshContext
  readonly store: AnswerStore
  /** Whether answers are kept at all. */
  readonly isOn: boolean
  /** Tells the devices that answered to delete theirs. Never rejects. */
  forget(id: string, peers: Iterable<string>): Promise<void>
  /** Opens the rest of an answer, at the device that gives it. Waits for that device for some seconds at most. */
  rest(requestId: string, peerId: string, from: number, signal: AbortSignal): Promise<Rest>
}

type Rest = Pick<RemoteAnswer, 'info' | 'chunks' | 'close'>

interface Recovery {
  readonly stop: AbortController
  readonly answer: Promise<KeptAnswer | undefined>
}

export class OwnAnswers {
  readonly #components: OwnAnswersComponents
  readonly #running = new Set<string>()
  readonly #recovering = new Map<string, Recovery>()

  constructor(components: OwnAnswersComponents) {
    this.#components = components
  }

  async *keep(
    id: string,
    source: AnswerSource,
    { durable = false, note, signal }: AnswerOptions = {}
  ): AsyncGenerator<InferenceChunk> {
    const { mesh, isOn } = this.#components
    if (!isOn) return yield* source({ signal: signal ?? new AbortController().signal, onRoute() {} })
    if (this.#running.size >= RUNNING_MAX)
      throw new OverloadedError(`This device asks for ${RUNNING_MAX} answers already.`, RETRY_AFTER_MS)
    // A note that is too long is left out: the answer is worth keeping without it.
    const fits = note !== undefined && encodeNote(note).byteLength <= NOTE_BYTES_MAX
    const head = { id, mesh: mesh.meshId, createdAtMs: mesh.clock.wallMs(), ...(fits && { note }) }
    const answer = this.#made(nameOf('a', id), { head, durable })
    void this.#run(answer, nameOf('a', id), source)
    yield* answer.read(0, { signal })
  }

  async list(): Promise<AnswerInfo[]> {
    const { store } = this.#components
    await store.open()
    const all: AnswerInfo[] = []
    for (const name of store.names('a')) {
      const live = store.live(name)
      if (live !== undefined) all.push(infoOfKept(live.head.id, live))
      else {
        const stored = await this.#stored(name)
        if (stored !== undefined) all.push(infoOfStored(stored.head.id, stored))
      }
    }
    return all.sort((a, b) => b.createdAtMs - a.createdAtMs)
  }

  async open(id: string, { from, follow = true, signal }: ReadAnswerOptions): Promise<OpenedAnswer> {
    const { store } = this.#components
    const name = nameOf('a', id)
    const live = store.live(name) ?? (await this.#recovered(name))
    if (live !== undefined) {
      const { note } = live.head
      return { info: infoOfKept(id, live), note, chunks: () => live.read(from ?? 0, { signal, follow }) }
    }
    const stored = await this.#stored(name)
    if (stored === undefined) throw unknown()
    return {
      info: infoOfStored(id, stored),
      note: stored.head.note,
      chunks: () => chunksOfStored(store, name, stored, { from, follow })
    }
  }

  async cancel(id: string): Promise<AnswerInfo> {
    const name = nameOf('a', id)
    const live = await this.#unrecovered(name)
    live?.cancel()
    if (live !== undefined) return infoOfKept(id, live)
    const stored = await this.#stored(name)
    if (stored === undefined) throw unknown()
    return infoOfStored(id, stored)
  }

  async forget(id: string): Promise<void> {
    const { store } = this.#components
    const name = nameOf('a', id)
    const live = await this.#unrecovered(name)
    const stored = await this.#stored(name)
    if (live === undefined && stored === undefined) throw unknown()
    const peers = new Set([...(live?.peers ?? []), ...(stored?.peers ?? [])])
    await store.erase(name)
    await this.#components.forget(id, peers)
  }

  /** Goes on with answers that were cut lately, now that this peer can be asked for the rest. */
  async onPeer(peerId: string, names: readonly string[]): Promise<void> {
    for (const name of names) {
      const stored = await this.#stored(name)
      if (stored?.end === undefined && stored?.route?.peerId === peerId) await this.#recovered(name)
    }
  }

  /** No device is asked for a rest any more. */
  async close(): Promise<void> {
    await Promise.all([...this.#recovering.keys()].map(name => this.#unrecovered(name)))
  }

  /** An answer that was cut, from where it was cut. Nothing where it has ended, or no device has the rest. */
  #recovered(name: string): Promise<KeptAnswer | undefined> {
    const known = this.#recovering.get(name)
    if (known !== undefined) return known.answer
    const stop = new AbortController()
    const answer = this.#recover(name, stop.signal).finally(() => this.#recovering.delete(name))
    this.#recovering.set(name, { stop, answer })
    return answer
  }

  /** What runs under this name, once no device is asked for its rest. */
  async #unrecovered(name: string): Promise<KeptAnswer | undefined> {
    const recovery = this.#recovering.get(name)
    recovery?.stop.abort(new CancelledError('The answer is not wanted any more.'))
    await recovery?.answer.catch(() => {})
    return this.#components.store.live(name)
  }

  async #recover(name: string, signal: AbortSignal): Promise<KeptAnswer | undefined> {
    const { mesh, store, rest } = this.#components
    const stored = await this.#stored(name)
    if (stored === undefined || stored.end !== undefined) return undefined
    const { head, route, first, next } = stored
    if (route === undefined || route.peerId === mesh.peerId || this.#running.has(name)) return undefined
    const remote = await rest(requestIdOf(head.id), route.peerId, next, signal).catch(() => undefined)
    if (remote === undefined) return undefined
    const kept = { first, next }
    const answer = this.#made(name, { head, durable: true, kept, route: route as AnswerRoute })
    const hasRest = remote.info.state === 'running' || remote.info.chunks > next
    const isKept =
      hasRest &&
      (await store.keep(name, answer, true).then(
        () => true,
        () => false
      ))
    if (!isKept) {
      remote.close()
      return undefined
    }
    // A device that is silent, or sends chunks slowly, is waited for as long as any answer at most.
    void this.#run(answer, name, async function* ({ signal: stopped }) {
      using deadline = new Deadline(mesh.clock, MAX_BUDGET_MS, stopped)
      yield* remote.chunks(deadline)
    })
    return answer
  }

  #made(
    name: string,
    options: Pick<ConstructorParameters<typeof KeptAnswer>[0], 'head' | 'durable' | 'kept' | 'route'>
  ): KeptAnswer {
    const { store } = this.#components
    const answer: KeptAnswer = new KeptAnswer({
      ...options,
      onChange: () => store.changed(answer, name),
      onUnread() {
        if (!options.durable) answer.cancel()
      },
      load: (_, from) => store.chunks(name, from)
    })
    if (options.kept === undefined) void store.keep(name, answer)
    return answer
  }

  async #run(answer: KeptAnswer, name: string, source: AnswerSource): Promise<void> {
    this.#running.add(name)
    await answer.run(source)
    this.#running.delete(name)
  }

  async #stored(name: string): Promise<StoredAnswer | undefined> {
    const { store, mesh } = this.#components
    const stored = await store.stored(name)
    return stored?.head.mesh === mesh.meshId ? stored : undefined
  }
}
