/**
 * Asks devices for vectors: of questions, and of the texts that the index does not have one of yet. Texts go only to this
 * device and to devices that may read the space that they are in.
 */

import type { Clock } from '../../../interface/clock.ts'
import { EngineFailedError, toLumosError } from '../../../interface/errors.ts'
import type { AbortOptions, Logger } from '../../../interface/lifecycle.ts'
import { featureExtraction } from '../../../interface/tasks/feature-extraction.ts'
import type { TaskOutput } from '../../../interface/tasks/index.ts'
import type { MeshContext } from '../../feature.ts'
import { Deadline } from '../../network/deadline.ts'
import { atLeast } from '../space/rights.ts'
import type { MemoryEngine } from '../worker/engine.ts'
import type { Unembedded } from './types.ts'

/** A person waits: without a vector by then, the words of the question have to do. */
const QUESTION_MS = 1000
/** Texts of one request: some seconds of a small device at most. */
const TEXTS_MAX = 32
const BATCH_MS = 60_000
/** A device that sleeps or starts anew is back by then; another model would make all vectors anew. */
const AWAY_MS = 60 * 60 * 1000

interface Model {
  readonly model: string
  /** Devices that have it, the best first. */
  readonly peers: readonly string[]
}

type Offer = ReturnType<MeshContext['providers']>[number]

interface Made {
  readonly dimensions: number
  readonly numbers: Float32Array
}

export interface EmbedderComponents {
  readonly engine: Pick<MemoryEngine, 'rightOf' | 'searched' | 'unembedded' | 'embedded'>
  /** The one that the node is in now. */
  mesh(): Pick<MeshContext, 'peerId' | 'providers' | 'ask'>
  readonly clock: Clock
  readonly log: Logger
  /** Of the settings; without it, the one that devices offer. */
  readonly model: string | undefined
}

export class Embedder {
  readonly #components: EmbedderComponents
  readonly #stopped = new AbortController()
  /** By the id of the space: what is there is not made anew because another device came. */
  readonly #chosen = new Map<string, { readonly model: string; readonly seenMs: number }>()
  /** The last one that made a vector of a question: a space that has none yet takes it too. */
  #asked: string | undefined
  #work: Promise<void> | undefined

  constructor(components: EmbedderComponents) {
    this.#components = components
  }

  stop(): void {
    this.#stopped.abort()
  }

  get isWorking(): boolean {
    return this.#work !== undefined
  }

  /** Undefined where no device that may read all of these spaces makes one in time. */
  async question(text: string, spaces: readonly string[], { signal }: AbortOptions) {
    if (spaces.length === 0) return undefined
    const chosen = this.#common(spaces, this.#able(await this.#readersOf(spaces)))
    if (chosen === undefined) return undefined
    this.#asked = chosen.model
    using deadline = new Deadline(this.#components.clock, QUESTION_MS, signal)
    try {
      const { numbers } = await this.#ask(chosen.model, chosen.peers[0]!, [text], deadline.signal)
      return { model: chosen.model, numbers }
    } catch (thrown) {
      signal?.throwIfAborted()
      this.#failed(thrown)
      return undefined
    }
  }

  /** Goes on until each text has a vector, or no device makes one. Called while it does, it changes nothing. */
  work(): void {
    this.#work ??= this.#all(this.#stopped.signal)
      .catch(thrown => this.#failed(thrown))
      .finally(() => (this.#work = undefined))
  }

  async #all(signal: AbortSignal): Promise<void> {
    const { engine } = this.#components
    for (let isMade = true; isMade; ) {
      isMade = false
      for (const space of await engine.searched(undefined, { signal }))
        if (await this.#space(space, signal)) isMade = true
    }
  }

  /** @returns whether it made some. */
  async #space(space: string, signal: AbortSignal): Promise<boolean> {
    for (let isMade = false; ; ) {
      const chosen = this.#choose(space, this.#able(await this.#readersOf([space])))
      const { engine } = this.#components
      const texts = chosen && (await engine.unembedded(space, chosen.model, TEXTS_MAX, { signal }))
      if (!texts) return isMade
      if (texts.length === 0) continue
      if (!(await this.#batch(space, chosen, texts, signal))) return isMade
      isMade = true
    }
  }

  async #batch(space: string, chosen: Model, texts: Unembedded, signal: AbortSignal): Promise<boolean> {
    const { engine, clock } = this.#components
    const { model } = chosen
    const ids = texts.map(({ id }) => id)
    using deadline = new Deadline(clock, BATCH_MS, signal)
    try {
      const asked = texts.map(({ text }) => text)
      const made = await this.#ask(model, chosen.peers[0]!, asked, deadline.signal)
      return await engine.embedded({ space, model, ids, ...made }, { signal })
    } catch (thrown) {
      signal.throwIfAborted()
      this.#failed(thrown)
      const { code } = toLumosError(thrown)
      if (code !== 'INVALID_INPUT' && code !== 'INPUT_TOO_LARGE') return false
    }
    // One of them is not for this model: the others are.
    if (texts.length === 1)
      return await engine.embedded({ space, model, ids, dimensions: 0, numbers: null }, { signal })
    for (const text of texts) if (!(await this.#batch(space, chosen, [text], signal))) return false
    return true
  }

  /** @throws {LumosError} also for an answer that is not one vector of one length for each text. */
  async #ask(model: string, peer: string, texts: readonly string[], signal: AbortSignal): Promise<Made> {
    const mesh = this.#components.mesh()
    const { name: task } = featureExtraction
    let output: TaskOutput<typeof task> | undefined
    for await (const chunk of mesh.ask(peer, { task, model, input: { texts } }, { signal }))
      if (chunk.type === 'output') output = chunk.output as TaskOutput<typeof task>
    if (output?.vectors.byteLength !== texts.length * 4 * (output?.dimensions ?? 0))
      throw new EngineFailedError('The device did not send one vector for each text.')
    // Of its own, for numbers begin at a multiple of four bytes.
    return { dimensions: output.dimensions, numbers: new Float32Array(new Uint8Array(output.vectors).buffer) }
  }

  async #readersOf(spaces: readonly string[]): Promise<ReadonlySet<string>> {
    const { engine } = this.#components
    const mesh = this.#components.mesh()
    const peers = new Set(this.#offers().map(({ peerId }) => peerId))
    const readers = new Set([mesh.peerId])
    for (const peer of peers) {
      if (peer === mesh.peerId) continue
      const rights = await Promise.all(spaces.map(space => engine.rightOf(space, peer)))
      if (rights.every(right => atLeast(right, 'read'))) readers.add(peer)
    }
    return readers
  }

  /** A named model may be one outside the mesh. Only the setting names one; a chosen model is never asked for by name. */
  #offers(): readonly Offer[] {
    return this.#components.mesh().providers(featureExtraction.name, this.#components.model)
  }

  /** This device is asked first: its texts stay here. */
  #able(readers: ReadonlySet<string>): Offer[] {
    const { peerId: self } = this.#components.mesh()
    const able = this.#offers().filter(({ peerId }) => readers.has(peerId))
    return [...able.filter(({ peerId }) => peerId === self), ...able.filter(({ peerId }) => peerId !== self)]
  }

  /** The model that most of these spaces have; the others are searched by words. */
  #common(spaces: readonly string[], able: readonly Offer[]): Model | undefined {
    const votes = new Map<string | undefined, number>()
    for (const space of spaces) {
      const model = this.#chosen.get(space)?.model ?? preferred(able, this.#asked)
      votes.set(model, (votes.get(model) ?? 0) + 1)
    }
    const models = able.map(({ model }) => model).filter(model => votes.has(model))
    const model = models.sort((a, b) => votes.get(b)! - votes.get(a)!)[0]
    return of(model, able)
  }

  /** Undefined also where the device of the model of this space is away. */
  #choose(space: string, able: readonly Offer[]): Model | undefined {
    const now = this.#components.clock.monotonicMs()
    const chosen = this.#chosen.get(space)
    const isThere = able.some(({ model }) => model === chosen?.model)
    if (chosen !== undefined && !isThere && now - chosen.seenMs < AWAY_MS) return undefined
    const model = isThere ? chosen!.model : preferred(able, this.#asked)
    if (model !== undefined) this.#chosen.set(space, { model, seenMs: now })
    return of(model, able)
  }

  readonly #failed = (thrown: unknown): void => {
    if (this.#stopped.signal.aborted) return
    const { code, message } = toLumosError(thrown)
    this.#components.log.info({ code, why: message }, 'no vectors were made')
  }
}

const preferred = (able: readonly Offer[], asked: string | undefined): string | undefined =>
  (able.find(({ model }) => model === asked) ?? able[0])?.model

function of(model: string | undefined, able: readonly Offer[]): Model | undefined {
  const peers = able.filter(offer => offer.model === model).map(({ peerId }) => peerId)
  return model === undefined ? undefined : { model, peers }
}
