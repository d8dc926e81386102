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
import type { MemoryEngine } from '../worker/engine.ts'

/** A person waits: without a vector by then, the words of the question have to do. */
const QUESTION_MS = 1000
/** Texts of one request: some seconds of a small device at most. */
const TEXTS_MAX = 32
const BATCH_MS = 60_000

interface Model {
  readonly model: string
  /** Devices that have it, the best first. */
  readonly peers: readonly string[]
}

interface Made {
  readonly dimensions: number
  readonly numbers: Float32Array
}

export interface EmbedderComponents {
  readonly engine: Pick<MemoryEngine, 'rightOf' | 'unembedded' | 'embedded'>
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
  /** The one that was chosen: what is there is not made anew because another device came. */
  #chosen: string | undefined
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
    const chosen = this.#choose(await this.#readersOf(spaces))
    if (chosen === undefined) return undefined
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
    // Of spaces whose readers have no model, nothing is made; another space may have some.
    for (const except: string[] = []; ; ) {
      const model = this.#chosen
      const next = model && (await engine.unembedded(model, TEXTS_MAX, except, { signal }))
      if (!next) return
      if (next.texts.length === 0) continue
      const peers = this.#choose(await this.#readersOf([next.space]), model)?.peers ?? []
      const isDone = peers.length > 0 && (await this.#batch(model, peers[0]!, next.texts, signal))
      if (!isDone) except.push(next.space)
    }
  }

  async #batch(
    model: string,
    peer: string,
    texts: readonly { readonly id: number; readonly text: string }[],
    signal: AbortSignal
  ): Promise<boolean> {
    const { engine, clock } = this.#components
    const ids = texts.map(({ id }) => id)
    using deadline = new Deadline(clock, BATCH_MS, signal)
    try {
      const asked = texts.map(({ text }) => text)
      const made = await this.#ask(model, peer, asked, deadline.signal)
      return await engine.embedded({ model, ids, ...made }, { signal })
    } catch (thrown) {
      signal.throwIfAborted()
      this.#failed(thrown)
      const { code } = toLumosError(thrown)
      if (code !== 'INVALID_INPUT' && code !== 'INPUT_TOO_LARGE') return false
    }
    // One of them is not for this model: the others are.
    if (texts.length === 1)
      return await engine.embedded({ model, ids, dimensions: 0, numbers: null }, { signal })
    for (const text of texts) if (!(await this.#batch(model, peer, [text], signal))) return false
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
      if (rights.every(right => right !== null)) readers.add(peer)
    }
    return readers
  }

  /** A named model may be one outside the mesh. Only the setting names one; a chosen model is never asked for by name. */
  #offers() {
    return this.#components.mesh().providers(featureExtraction.name, this.#components.model)
  }

  /** This device is asked first: its texts stay here. */
  #choose(readers: ReadonlySet<string>, only?: string): Model | undefined {
    const mesh = this.#components.mesh()
    const isAble = ({ peerId, model }: { peerId: string; model: string }) =>
      readers.has(peerId) && (only ?? model) === model
    const able = this.#offers().filter(isAble)
    const own = able.filter(({ peerId }) => peerId === mesh.peerId)
    const ordered = [...own, ...able.filter(({ peerId }) => peerId !== mesh.peerId)]
    const kept = ordered.some(({ model }) => model === this.#chosen) ? this.#chosen : ordered[0]?.model
    if (kept === undefined) return undefined
    this.#chosen = kept
    return { model: kept, peers: ordered.filter(({ model }) => model === kept).map(({ peerId }) => peerId) }
  }

  readonly #failed = (thrown: unknown): void => {
    if (this.#stopped.signal.aborted) return
    const { code, message } = toLumosError(thrown)
    this.#components.log.info({ code, why: message }, 'no vectors were made')
  }
}
