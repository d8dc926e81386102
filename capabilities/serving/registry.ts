/**
 * What this node can do: its models by name, behind one `Inference`.
 *
 * The way of a request, which was prepared where it entered the node: admitted,
 * model loaded, engine run, and its answer checked unless the engine does so. It is the inner loop of every local and served call, so it makes no
 * closure, timer or combined signal of its own.
 */

import { Answer } from '../../interface/answer.ts'
import type { Clock, Random } from '../../interface/clock.ts'
import { CancelledError, EngineFailedError, LumosError } from '../../interface/errors.ts'
import type { Inference, InferenceChunk, PreparedRequest, ServeOptions } from '../../interface/inference.ts'
import type { Logger, Startable } from '../../interface/lifecycle.ts'
import type { Capability } from '../../interface/manifest.ts'
import type { LeftOut } from '../../interface/node.ts'
import type { TaskName } from '../../interface/tasks/index.ts'
import { type Engine, engineBroke, type Model } from '../host/engine.ts'
import { ModelManager } from '../models/model-manager.ts'
import { Admission } from './admission.ts'
import { type Work, WorkTable } from './work.ts'

export interface RegistryOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Each with an id of its own. Default: none yet; see `update`. */
  readonly models?: readonly Model[]
  /** Called when `capabilities()` would say something else than before. */
  readonly onChange?: () => void
}

/** One model as `models()` tells it. */
export interface ModelState {
  readonly model: string
  readonly tasks: readonly TaskName[]
  readonly slots: number
  /** Whether it is loaded. */
  readonly warm: boolean
  readonly running: number
  readonly queued: number
  readonly memoryBytes: number
}

interface Entry {
  readonly model: Model
  readonly engine: Engine
  readonly manager: ModelManager
  readonly admission: Admission
  /** Requests that hold it: its engine is not closed before they have ended. */
  leases: number
  /** It left the catalogue: nothing new is asked of it. */
  draining: boolean
}

export class Registry implements Inference, Startable {
  readonly #options: Required<Omit<RegistryOptions, 'models'>>
  #byId = new Map<string, Entry>()
  /** Models that left, and have requests under way. */
  readonly #draining = new Set<Entry>()
  readonly #works: WorkTable
  #stopped = false

  constructor({ models = [], onChange = () => {}, ...options }: RegistryOptions) {
    this.#options = { ...options, onChange }
    this.#works = new WorkTable(options.clock)
    this.#byId = this.#entriesOf(models)
  }

  /**
   * These are the models from now on. One that is no longer among them is asked nothing new; its requests under way
   * end as they would have, and then its engine closes.
   */
  update(models: readonly Model[]): void {
    if (this.#stopped) return
    const before = this.#byId
    this.#byId = this.#entriesOf(models)
    for (const [id, entry] of before) {
      if (this.#byId.get(id) === entry) continue
      entry.draining = true
      this.#draining.add(entry)
      this.#closeIfDrained(entry)
    }
    this.#options.onChange()
  }

  #entriesOf(models: readonly Model[]): Map<string, Entry> {
    const { clock } = this.#options
    return new Map(
      models.map(model => {
        const known = this.#byId.get(model.id)
        if (known?.model === model) return [model.id, known]
        const manager = new ModelManager(model, this.#options)
        const admission = new Admission(model.slots, clock)
        return [model.id, { model, engine: model.engine, manager, admission, leases: 0, draining: false }]
      })
    )
  }

  #closeIfDrained(entry: Entry): void {
    if (!entry.draining || entry.leases > 0 || !this.#draining.delete(entry)) return
    const { id } = entry.model
    entry.manager.close().catch(err => {
      this.#options.log.error({ model: id, err }, 'the engine of a removed model did not close')
    })
  }

  /** Models are loaded on first use. */
  start(): void {
    this.#stopped = false
  }

  /** Ends what is under way with `CANCELLED`, and all engines. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#works.abortAll(new CancelledError('The node is stopping.'))
    await Promise.all([...this.#entries()].map(({ manager }) => manager.close()))
  }

  /**
   * @throws {InvalidInputError} when the engine cannot read the input.
   * @throws {LumosError} `MODEL_NOT_FOUND` when nothing here does what is asked.
   * @throws {EngineFailedError} when the engine died, hung, or broke the form of an answer.
   */
  async *infer(request: PreparedRequest, options?: ServeOptions): AsyncGenerator<InferenceChunk> {
    const entry = this.#find(request)
    const work = this.#works.begin(request.budgetMs, options?.signal)
    entry.leases++
    try {
      const turn = entry.admission.enter(work.signal, options?.askedBy)
      if (turn !== undefined) await turn
      const done = yield* this.#run(entry, request, work, turn !== undefined, options)
      // The slot is free before the last chunk is taken, however slowly it is.
      yield done
    } catch (err) {
      throw work.signal.aborted ? work.signal.reason : err
    } finally {
      this.#works.end(work)
      entry.leases--
      if (entry.draining) this.#closeIfDrained(entry)
    }
  }

  capabilities(): Capability[] {
    return [...this.#byId.values()].flatMap(({ model, manager }) =>
      model.tasks.map(task => ({
        ...{ task, model: model.id, slots: model.slots, warm: manager.warm },
        ...(model.contextTokens !== undefined && { contextTokens: model.contextTokens })
      }))
    )
  }

  models(): ModelState[] {
    return [...this.#byId.values()].map(({ model, engine, manager, admission }) => ({
      model: model.id,
      tasks: model.tasks,
      slots: model.slots,
      warm: manager.warm,
      running: admission.running,
      queued: admission.queued,
      memoryBytes: engine.memoryBytes
    }))
  }

  /** Requests of all models, those that left included. */
  load(): { running: number; queued: number } {
    const all = this.#entries().map(({ admission }) => admission)
    return {
      running: all.reduce((sum, { running }) => sum + running, 0),
      queued: all.reduce((sum, { queued }) => sum + queued, 0)
    }
  }

  /** Models whose engine did not load when it was last tried, and why. */
  failed(): LeftOut[] {
    return [...this.#byId.values()].flatMap(({ model, manager: { failure } }) => {
      if (failure === undefined) return []
      const { code, message } = failure
      return [{ place: `the engine of "${model.id}"`, model: model.id, code, reason: message }]
    })
  }

  /** Resident memory of the processes that engines run in. */
  memoryBytes(): number {
    let bytes = 0
    for (const { engine } of this.#entries()) bytes += engine.memoryBytes
    return bytes
  }

  #entries(): Entry[] {
    return [...this.#byId.values(), ...this.#draining]
  }

  /** Runs an admitted request, frees its slot, and returns the `done` chunk. */
  async *#run(
    { model, engine, manager, admission }: Entry,
    request: PreparedRequest,
    work: Work,
    queued: boolean,
    options: ServeOptions | undefined
  ): AsyncGenerator<InferenceChunk, InferenceChunk> {
    let startedMs: number | undefined
    let done: InferenceChunk | undefined
    try {
      const ready = manager.ready(work.signal)
      if (ready !== undefined) await ready
      work.signal.throwIfAborted()
      // Who did not wait was asked in this very turn of the event loop.
      if (queued || ready !== undefined) options?.mayRun?.()
      startedMs = admission.startedMs()

      const answer = engine.checksAnswers ? undefined : new Answer(request, engineBroke)
      for await (const given of engine.infer(request, work)) {
        const chunk = answer === undefined ? given : answer.accept(given)
        if (chunk.type === 'done') done = chunk
        else yield chunk
      }
      if (done === undefined) throw new EngineFailedError('The engine ended without finishing its answer.')
      manager.answered()
      return done
    } catch (err) {
      if (err instanceof LumosError || work.signal.aborted) throw err
      throw new EngineFailedError(`The engine of "${model.id}" failed: ${String(err)}`, { cause: err })
    } finally {
      // Given up on: the slot is free once the engine has really stopped.
      const settled = done === undefined ? engine.settled?.() : undefined
      if (settled === undefined) admission.leave(startedMs)
      else settled.then(() => admission.leave(startedMs))
    }
  }

  #find({ task, model }: PreparedRequest): Entry {
    if (this.#stopped) throw new CancelledError('The node is stopping.')
    let found: Entry | undefined
    if (model !== undefined) {
      found = this.#byId.get(model)
      if (found !== undefined && !found.model.tasks.includes(task)) found = undefined
    } else {
      for (const entry of this.#byId.values()) {
        if (!entry.model.tasks.includes(task)) continue
        // A loaded model answers sooner than one that has to be loaded first.
        if (found === undefined || (entry.manager.warm && !found.manager.warm)) found = entry
      }
    }
    if (found !== undefined) return found

    const what =
      model === undefined ? `No model here does ${task}.` : `No model "${model}" here does ${task}.`
    throw new LumosError('MODEL_NOT_FOUND', what)
  }
}
