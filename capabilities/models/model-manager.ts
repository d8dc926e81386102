/**
 * Keeps one model loaded: loads it on first use, once for all requests that wait, and
 * again after its engine died, ever later when it keeps dying. The residency
 * says when there is memory for it, and when it has to go.
 */

import type { Clock, Random } from '../../interface/clock.ts'
import { EngineFailedError, LumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { Model } from '../host/engine.ts'
import type { Footprint, Residency } from './residency.ts'
import type { Phase, UnloadReason } from './residency-state.ts'

/** The first failure may be chance, so the next request tries at once; from the second on, it waits. */
const BACKOFF_MS = 500
/** A model whose file was repaired works again within a minute. */
const BACKOFF_MS_MAX = 60_000

/** What has become of a model of this node. */
export type ModelChange =
  | {
      readonly type: 'loaded'
      readonly model: string
      readonly durationMs: number
      readonly memoryBytes: number
    }
  /** `lost`: its engine died. */
  | { readonly type: 'unloaded'; readonly model: string; readonly reason: UnloadReason | 'lost' }
  | { readonly type: 'failed'; readonly model: string; readonly failure: LumosError }

export interface ModelManagerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly residency: Residency
  readonly footprint: Footprint
  /** The model got warm or cold, or could not be loaded. */
  onChange(change: ModelChange): void
}

export class ModelManager {
  /** In the residency. */
  readonly key: number
  readonly #model: Model
  readonly #options: ModelManagerOptions
  #loading: Promise<void> | undefined
  #unloading: Promise<void> | undefined
  /** In a row; an answered request ends the row. */
  #failures = 0
  #failure: LumosError | undefined
  #retryAtMs = 0
  #closed = false

  constructor(model: Model, options: ModelManagerOptions) {
    this.#model = model
    this.#options = options
    const { residency, footprint } = options
    this.key = residency.add({ id: model.id, unload: reason => this.#unload(reason) }, footprint)
    const { engine } = model
    engine.onMemory = () => residency.measured(this.key, engine.memoryBytes)
    engine.onLost = () => {
      this.#failed()
      residency.unloaded(this.key)
      options.onChange({ type: 'unloaded', model: model.id, reason: 'lost' })
    }
  }

  /** Whether a request would be answered without loading first. */
  get warm(): boolean {
    return this.#model.engine.loaded
  }

  get phase(): Phase {
    return this.warm ? 'ready' : this.#options.residency.of(this.key).phase
  }

  /** Why it could not be loaded the last time; absent once it was. */
  get failure(): LumosError | undefined {
    return this.#failure
  }

  /**
   * Waits for the model: `undefined` when it is loaded already.
   *
   * @throws {LumosError} why it could not be loaded, to all requests that waited: `NO_CAPACITY` when there is no memory for it;
   *   or {@link EngineFailedError} with `details.retryAfterMs` while it is too early to try again.
   */
  ready(signal: AbortSignal): Promise<void> | undefined {
    if (this.#model.engine.loaded) return undefined
    if (this.#closed) throw new EngineFailedError('This node is stopping.')

    if (this.#loading === undefined) {
      const waitMs = Math.ceil(this.#retryAtMs - this.#options.clock.monotonicMs())
      if (waitMs > 0) {
        throw new EngineFailedError(
          `The engine of "${this.#model.id}" failed ${this.#failures} times in a row; the next try is in ${waitMs} ms.`,
          { details: { retryAfterMs: waitMs } }
        )
      }
      this.#loading = this.#load().finally(() => {
        this.#loading = undefined
      })
      // Each request that waits gets the failure; where all have left, it is of no use.
      this.#loading.catch(() => {})
    }
    return orAborted(this.#loading, signal)
  }

  /** A request was answered: the engine works. */
  answered(): void {
    this.#failures = 0
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#model.engine.close()
    await this.#loading?.catch(() => {})
  }

  async #load(): Promise<void> {
    const { clock, residency, onChange } = this.#options
    const { id: model, engine } = this.#model
    if (this.#unloading !== undefined) await this.#unloading
    const room = residency.room(this.key)
    if (room !== undefined) await room
    const startedMs = clock.monotonicMs()
    try {
      if (this.#closed) throw new EngineFailedError('This node is stopping.')
      await engine.load()
    } catch (err) {
      residency.unloaded(this.key)
      throw this.#refused(err)
    }
    this.#failure = undefined
    const durationMs = Math.round(clock.monotonicMs() - startedMs)
    residency.loaded(this.key, engine.memoryBytes, durationMs)
    this.#options.log.info({ model, durationMs, memoryBytes: engine.memoryBytes }, 'model loaded')
    onChange({ type: 'loaded', model, durationMs, memoryBytes: Math.round(engine.memoryBytes) })
  }

  #refused(err: unknown): LumosError {
    const failure = err instanceof LumosError ? err : new EngineFailedError(String(err), { cause: err })
    if (this.#closed) return failure
    const { id: model } = this.#model
    this.#failure = failure
    this.#failed()
    this.#options.log.error({ model, err, failures: this.#failures }, 'model could not be loaded')
    this.#options.onChange({ type: 'failed', model, failure })
    return failure
  }

  async #unload(reason: UnloadReason): Promise<void> {
    const { log, onChange } = this.#options
    const { id: model, engine } = this.#model
    this.#unloading = engine.close().catch(err => log.error({ model, err }, 'an engine did not close'))
    log.info({ model, reason }, 'model unloaded')
    onChange({ type: 'unloaded', model, reason })
    await this.#unloading
    this.#unloading = undefined
  }

  #failed(): void {
    this.#failures++
    const { clock, random } = this.#options
    const backoffMs =
      this.#failures < 2 ? 0 : Math.min(BACKOFF_MS * 2 ** (this.#failures - 2), BACKOFF_MS_MAX)
    // Half of it is chance, so that engines that died together do not come back together.
    this.#retryAtMs = clock.monotonicMs() + backoffMs * (0.5 + random() / 2)
  }
}

/** `promise`, unless `signal` comes first: then its reason. */
function orAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
