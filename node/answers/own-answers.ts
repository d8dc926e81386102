/** Answers that this device asks for. */

import type {
  AnswerInfo,
  AnswerOptions,
  AnswerRoute,
  AnswerSource,
  ReadAnswerOptions
} from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { OverloadedError } from '../../interface/errors.ts'
import { encodeNote, NOTE_BYTES_MAX } from '../../protocols/answers/index.ts'
import type { MeshContext } from '../feature.ts'
import { type AnswerStore, nameOf } from './answer-store.ts'
import { ContentDigest } from './content-digest.ts'
import { KeptAnswer } from './kept-answer.ts'
import { onceMet } from './once-met.ts'
import { chunksOfStored, infoOfKept, infoOfStored, type OpenedAnswer, unknown } from './opened.ts'
import { encodeQuestion } from './records.ts'
import { Recoveries } from './recoveries.ts'
import { type RestComponents, restOf } from './rest.ts'
import { GRACE_MS } from './served-answers.ts'
import { CUT, isCut, type StoredAnswer } from './stored-answers.ts'

/** Answers that run at once, their readers gone or not: admission bounds what devices work on. */
const RUNNING_MAX = 2048
const RETRY_AFTER_MS = 1000

export interface OwnAnswersComponents extends Pick<RestComponents, 'rest'> {
  readonly mesh: MeshContext
  readonly store: AnswerStore
  /** Whether answers are kept at all. */
  readonly isOn: boolean
  /** Tells the devices that answered to delete theirs. Never rejects. */
  forget(id: string, peers: Iterable<string>): Promise<void>
}

export class OwnAnswers {
  readonly #components: OwnAnswersComponents
  readonly #running = new Set<string>()
  readonly #recoveries = new Recoveries((...cut) => this.#recover(...cut))
  /** The peers that are there were met by then: as long as they go on with what this node has asked for. */
  readonly #metByMs: number

  constructor(components: OwnAnswersComponents) {
    this.#components = components
    this.#metByMs = components.mesh.clock.monotonicMs() + GRACE_MS
  }

  async *keep(
    id: string,
    source: AnswerSource,
    { durable = false, note, question, signal }: AnswerOptions = {}
  ): AsyncGenerator<InferenceChunk> {
    const { mesh, store, isOn } = this.#components
    if (!isOn) return yield* source({ signal: signal ?? new AbortController().signal, onRoute() {} })
    if (this.#running.size >= RUNNING_MAX)
      throw new OverloadedError(`This device asks for ${RUNNING_MAX} answers already.`, RETRY_AFTER_MS)
    // A note that is too long is left out: the answer is worth keeping without it.
    const fits = note !== undefined && encodeNote(note).byteLength <= NOTE_BYTES_MAX
    const asked = question && encodeQuestion(question)
    const head = {
      ...{ id, mesh: mesh.meshId, createdAtMs: mesh.clock.wallMs() },
      ...(fits && { note }),
      ...(asked && { question: asked })
    }
    const answer = this.#made(nameOf('a', id), { head, durable, digest: new ContentDigest() })
    // One that goes on without its client is there from the beginning, whatever ends this node.
    if (durable) store.changed(answer, nameOf('a', id))
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
    const { store, mesh } = this.#components
    const name = nameOf('a', id)
    // One that ended may be gone on with from its file.
    if (follow && store.live(name)?.failure?.code === CUT) await store.settled(name)
    const live = store.live(name) ?? (await this.#recoveries.recovered(name, follow))
    if (live !== undefined) {
      const { note } = live.head
      return { info: infoOfKept(id, live), note, chunks: () => live.read(from ?? 0, { signal, follow }) }
    }
    const stored = await this.#stored(name)
    if (stored === undefined) throw unknown()
    const opened = { info: infoOfStored(id, stored), note: stored.head.note }
    if (!follow || !this.#mayComeYet(stored))
      return { ...opened, chunks: () => chunksOfStored(store, name, stored, { from, follow }) }
    const parts = {
      ...{ clock: mesh.clock, store, mayChange: this.#mayComeYet },
      stored: () => this.#stored(name),
      recovered: async () => store.live(name) ?? (await this.#recoveries.recovered(name, true))
    }
    return { ...opened, chunks: () => onceMet(parts, name, stored, { from, signal }) }
  }

  async cancel(id: string): Promise<AnswerInfo> {
    const name = nameOf('a', id)
    const live = await this.#unrecovered(name)
    live?.cancel()
    if (live !== undefined) return infoOfKept(id, live)
    const stored = await this.#stored(name)
    if (stored === undefined) throw unknown()
    if (!isCut(stored)) return infoOfStored(id, stored)
    // Its end is written, so that no reader has it go on.
    const cut = this.#again(name, stored)
    await this.#components.store.keep(name, cut, true)
    cut.cancel()
    return infoOfKept(id, cut)
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

  /** Takes the rest of answers that were cut lately, now that this peer is here: no reader waits, so no other is asked. */
  async onPeer(peerId: string, names: readonly string[]): Promise<void> {
    for (const name of names) {
      const stored = await this.#stored(name)
      if (stored?.end === undefined && stored?.route?.peerId === peerId)
        await this.#recoveries.recovered(name)
    }
  }

  /** Whether a device that has the rest, or can make it, may be met in the time that this node has for that. */
  readonly #mayComeYet = (stored: StoredAnswer): boolean => {
    const { clock, peerId } = this.#components.mesh
    const { head, route } = stored
    const isAnyones = head.question !== undefined || (route !== undefined && route.peerId !== peerId)
    return isCut(stored) && isAnyones && clock.monotonicMs() < this.#metByMs
  }

  /** No device is asked for a rest any more. */
  close(): Promise<void> {
    return this.#recoveries.close()
  }

  /** What runs under this name, once no device is asked for its rest. */
  async #unrecovered(name: string): Promise<KeptAnswer | undefined> {
    await this.#recoveries.stopped(name)
    return this.#components.store.live(name)
  }

  async #recover(name: string, isRead: boolean, signal: AbortSignal): Promise<KeptAnswer | undefined> {
    const { store } = this.#components
    const stored = await this.#stored(name)
    if (stored === undefined || this.#running.has(name)) return undefined
    if (!isCut(stored) || (stored.end !== undefined && !isRead)) return undefined
    const said = async () => {
      const all = await Array.fromAsync(answer.read(0, { follow: false }))
      return all.filter(({ type }) => type !== 'progress')
    }
    const found = await restOf(this.#components, stored, isRead ? said : undefined, signal)
    if (found === undefined) return undefined
    const kept = chunksOfStored(store, name, stored, { follow: false })
    const answer = this.#again(name, stored, await ContentDigest.of(kept))
    const isKept = await store.keep(name, answer, true).then(
      () => true,
      () => false
    )
    if (!isKept) {
      found.close()
      return undefined
    }
    void this.#run(answer, name, found.source)
    return answer
  }

  /** One that was cut, to go on from there or to be ended. */
  #again(
    name: string,
    { head, first, next, route }: StoredAnswer,
    digest?: ContentDigest | undefined
  ): KeptAnswer {
    const kept = { first, next }
    return this.#made(name, { head, durable: true, kept, route: route as AnswerRoute, digest })
  }

  #made(
    name: string,
    options: Pick<
      ConstructorParameters<typeof KeptAnswer>[0],
      'head' | 'durable' | 'kept' | 'route' | 'digest'
    >
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
