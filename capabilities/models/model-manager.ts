/**
 * Keeps one model loaded: loads it on first use, once for all who wait, and
 * again after its engine died, ever later when it keeps dying.
 */

import type { Clock, Random } from '../../interface/clock.ts'
import { EngineFailedError, LumosError } from '../../interface/errors.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { Model } from '../host/engine.ts'

/** The first failure may be chance, so the next request tries at once; from the second on, it waits. */
const BACKOFF_MS = 500
/** A model whose file was repaired works again within a minute. */
const BACKOFF_MS_MAX = 60_000

export interface ModelManagerOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Called when the model gets warm or cold. */
  onChange(): void
}

export class ModelManager {
  readonly #model: Model
  readonly #options: ModelManagerOptions
  #loading: Promise<void> | undefined
  /** In a row; an answered request ends the row. */
  #failures = 0
  #failure: LumosError | undefined
  #retryAtMs = 0
  #closed = false

  constructor(model: Model, options: ModelManagerOptions) {
    this.#model = model
    this.#options = options
    model.engine.onLost = () => {
      this.#failed()
      options.onChange()
    }
  }

  /** Whether a request would be answered without loading first. */
  get warm(): boolean {
    return this.#model.engine.loaded
  }

  /** Why it could not be loaded the last time; absent once it was. */
  get failure(): LumosError | undefined {
    return this.#failure
  }

  /**
   * Waits for the model: `undefined` when it is loaded already.
   *
   * @throws {LumosError} why it could not be loaded, to all who waited; or
   *   {@link EngineFailedError} with `details.retryAfterMs` while it is too
   *   early to try again.
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
      this.#loading = this.#load()
      // Those who wait see the failure; when all have left, nobody needs to.
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
    const { clock, log, onChange } = this.#options
    const startedMs = clock.monotonicMs()
    try {
      await this.#model.engine.load()
      this.#failure = undefined
      log.info(
        { model: this.#model.id, durationMs: Math.round(clock.monotonicMs() - startedMs) },
        'model loaded'
      )
    } catch (err) {
      const failure = err instanceof LumosError ? err : new EngineFailedError(String(err), { cause: err })
      if (!this.#closed) {
        this.#failure = failure
        this.#failed()
        log.error({ model: this.#model.id, err, failures: this.#failures }, 'model could not be loaded')
      }
      throw failure
    } finally {
      this.#loading = undefined
    }
    onChange()
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
