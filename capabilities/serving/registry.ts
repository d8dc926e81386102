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
import type { AbortOptions, Logger, Startable } from '../../interface/lifecycle.ts'
import type { Capability } from '../../interface/manifest.ts'
import type { LeftOut } from '../../interface/node.ts'
import type { EnergyMeter } from '../energy.ts'
import { engineBroke, type Model } from '../host/engine.ts'
import type { ModelChange } from '../models/model-manager.ts'
import { Residency } from '../models/residency.ts'
import type { Measurements } from './measurements.ts'
import { ALL_IN_MEMORY, keepAliveFor, type MemoryPolicy } from './memory-policy.ts'
import { capabilitiesOfAll, failureIn, failureOf, type ModelState, stateOf } from './model-state.ts'
import { queued } from './queue-reports.ts'
import { type Entry, ServedModels } from './served-models.ts'
import { type Given, withoutThose } from './withheld.ts'
import { WorkTable } from './work.ts'

export interface RegistryOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Each with an id of its own. Default: none yet; see `update`. */
  readonly models?: readonly Model[]
  /** Default: all stay loaded. */
  readonly memory?: MemoryPolicy
  /** Default: what was measured is forgotten at the end. */
  readonly measurements?: Measurements
  /** Default: what an answer costs in energy is not measured. */
  readonly energy?: EnergyMeter | undefined
  /** Called when `capabilities()` would say something else than before. */
  readonly onChange?: () => void
}

export class Registry implements Inference, Startable {
  /** Called for what becomes of each model. */
  onModel?: (change: ModelChange) => void
  readonly #options: Required<Omit<RegistryOptions, 'models' | 'measurements' | 'energy'>> &
    Pick<RegistryOptions, 'energy'>
  readonly residency: Residency
  readonly #models: ServedModels
  readonly #works: WorkTable
  #given: Given = [[], []]
  #withheld: ReadonlySet<string> = new Set()
  #stopped = false

  constructor({ models = [], onChange = () => {}, memory = ALL_IN_MEMORY, ...options }: RegistryOptions) {
    this.#options = { ...options, memory, onChange }
    this.#works = new WorkTable(options.clock)
    this.residency = new Residency({ clock: options.clock, budgetBytes: memory.budgetBytes })
    this.#models = new ServedModels({
      ...this.#options,
      residency: this.residency,
      onChange: change => {
        if (change.type !== 'failed') onChange()
        this.onModel?.(change)
      }
    })
    this.#given = [models, []]
    this.#models.update(models, [])
  }

  /**
   * These are the models from now on. One that is no longer among them is asked nothing new; its requests under way
   * end as they would have, and then its engine closes.
   *
   * @param changing models that are not among them because their files change: one that is loaded serves on.
   */
  update(models: readonly Model[], changing: readonly string[] = []): void {
    if (this.#stopped) return
    this.#given = [models, changing]
    this.#models.update(...withoutThose(this.#withheld, models, changing))
    this.#options.onChange()
  }

  /** From now on these names of services mean these models; those that are withheld are served no more. */
  serve(services: ReadonlyMap<string, string>, withheld: ReadonlySet<string>): void {
    this.#models.services = services
    this.#withheld = withheld
    this.update(...this.#given)
  }

  behind = (service: string): string | undefined => this.#models.behind(service)
  leavesMesh = (name: string): boolean => this.#models.get(name)?.model.leavesMesh === true

  /** Models are loaded on first use. */
  start(): void {
    this.#stopped = false
  }

  /** Loads the models that the settings want loaded, now and when they come. */
  warmUp(): void {
    this.#models.warmUp()
  }

  /** Ends what is under way with `CANCELLED`, and all engines. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#works.abortAll(new CancelledError('The node is stopping.'))
    await this.#models.close()
  }

  /** @throws {LumosError} `MODEL_NOT_FOUND` */
  modelCalled(id: string): ModelState {
    return this.#stateOf(this.#models.mustHave(id))
  }

  /** @throws {LumosError} `MODEL_NOT_FOUND`, `NO_CAPACITY`, or why it does not load. */
  async loadModel(id: string, options?: AbortOptions): Promise<ModelState> {
    return this.#stateOf(await this.#models.load(id, options))
  }

  /**
   * Unloads a model, once its requests have ended.
   *
   * @throws {LumosError} `MODEL_NOT_FOUND`.
   */
  unloadModel(id: string): ModelState {
    const entry = this.#models.mustHave(id)
    this.residency.unload(entry.manager.key)
    return this.#stateOf(entry)
  }

  /**
   * @throws {InvalidInputError} when the engine cannot read the input.
   * @throws {LumosError} `MODEL_NOT_FOUND` when nothing here does what is asked.
   * @throws {EngineFailedError} when the engine died, hung, or broke the form of an answer.
   */
  async *infer(request: PreparedRequest, options?: ServeOptions): AsyncGenerator<InferenceChunk> {
    const entry = this.#find(request)
    const { manager, admission, speeds } = entry
    const { engine } = entry.model
    const askedBy = options?.askedBy
    const work = this.#works.begin(request.budgetMs, options?.signal)
    this.residency.begin(manager.key, keepAliveFor(request, askedBy, this.#options.memory))
    try {
      const turn = admission.enter(work.signal, { peer: askedBy, budgetMs: request.budgetMs })
      if (turn !== undefined)
        yield* queued(turn, { admission, request, work, askedBy, clock: this.#options.clock })
      let startedMs: number | undefined
      let done: Extract<InferenceChunk, { type: 'done' }> | undefined
      try {
        const ready = manager.ready(work.signal)
        if (ready !== undefined) await ready
        work.signal.throwIfAborted()
        // Who did not wait was asked in this very turn of the event loop.
        if (turn !== undefined || ready !== undefined) options?.mayRun?.()
        startedMs = admission.startedMs()
        this.#options.energy?.begin()
        const pace = speeds.begin(startedMs)

        const answer = engine.checksAnswers ? undefined : new Answer(request, engineBroke)
        for await (const given of engine.infer(request, work)) {
          const chunk = answer === undefined ? given : answer.accept(given)
          if (chunk.type === 'done') done = chunk
          else {
            pace.gives(chunk)
            yield chunk
            pace.goesOn()
          }
        }
        if (done === undefined) throw new EngineFailedError('The engine ended without finishing its answer.')
        manager.answered()
        if (speeds.note(request, pace, done.usage)) this.#options.onChange()
      } catch (err) {
        throw failureOf(entry, err, work.signal)
      } finally {
        if (startedMs !== undefined) this.#options.energy?.end(entry.model.id, done?.usage.outputTokens ?? 0)
        // Given up on: the slot is free once the engine has really stopped.
        const settled = done === undefined ? engine.settled?.() : undefined
        if (settled === undefined) admission.leave(startedMs, askedBy)
        else settled.then(() => admission.leave(startedMs, askedBy))
      }
      // The slot is free before the last chunk is taken, however slowly it is.
      yield done
    } catch (err) {
      throw work.signal.aborted ? work.signal.reason : err
    } finally {
      this.#works.end(work)
      this.residency.end(manager.key)
      if (entry.draining) this.#models.closeIfDrained(entry)
    }
  }

  /** Of all models, or of those that other nodes are told of. */
  capabilities({ offered = false } = {}): Capability[] {
    const isMeant = ({ model }: Entry) => !offered || model.demonstration !== true
    return capabilitiesOfAll(this.#models.entries.filter(isMeant), this.#models, this.#options.energy)
  }

  models(): ModelState[] {
    return this.#models.entries.map(entry => this.#stateOf(entry))
  }

  /** Requests of all models, those that left included. */
  load(): { running: number; queued: number } {
    const all = this.#models.all.map(({ admission }) => admission)
    return {
      running: all.reduce((sum, { running }) => sum + running, 0),
      queued: all.reduce((sum, { queued }) => sum + queued, 0)
    }
  }

  /** Models whose engine did not load when it was last tried, and why. */
  failed(): LeftOut[] {
    return this.#models.all.flatMap(failureIn)
  }

  /** Resident memory of the processes that engines run in. */
  memoryBytes(): number {
    return this.#models.all.reduce((sum, { model }) => sum + model.engine.memoryBytes, 0)
  }

  #stateOf(entry: Entry): ModelState {
    return stateOf(entry, this.#models.namesOf(entry), this.residency)
  }

  #find({ task, model, resume }: PreparedRequest): Entry {
    if (this.#stopped) throw new CancelledError('The node is stopping.')
    let found: Entry | undefined
    if (model !== undefined) {
      found = this.#models.get(model)
      if (found !== undefined && !found.model.tasks.includes(task)) found = undefined
    } else {
      for (const entry of this.#models.entries) {
        if (!entry.model.tasks.includes(task) || entry.model.leavesMesh) continue
        // A loaded model answers sooner than one that has to be loaded first.
        if (found === undefined || (entry.manager.warm && !found.manager.warm)) found = entry
      }
    }
    if (found !== undefined) {
      if (resume === undefined || found.model.resumes) return found
      throw new LumosError('NOT_SUPPORTED', `"${found.model.id}" here begins answers, and continues none.`)
    }
    const what =
      model === undefined ? `No model here does ${task}.` : `No model "${model}" here does ${task}.`
    throw new LumosError('MODEL_NOT_FOUND', what)
  }
}
