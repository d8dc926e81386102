/** The models in memory: the shell of `residency-core.ts`, which has the policy. */

import type { Clock, Timer } from '../../interface/clock.ts'
import { CancelledError, LumosError } from '../../interface/errors.ts'
import { newResidency, stepResidency } from './residency-core.ts'
import { heldBytes, usedBytes } from './residency-memory.ts'
import type {
  ResidencyEffect,
  ResidencyEvent,
  ResidencyState,
  Resident,
  UnloadReason
} from './residency-state.ts'

export interface ResidencyOptions {
  readonly clock: Clock
  /** What all loaded models together may take. */
  readonly budgetBytes: number
}

/** What the residency knows of a model before it is loaded. */
export interface Footprint {
  /** What it took when it was last loaded, or is expected to take. */
  readonly bytes: number
  readonly pinned: boolean
  readonly keepAliveMs: number
}

/** A model as the residency drives it. */
export interface Tenant {
  readonly id: string
  /** Ends the engine, which no request uses. Never throws. */
  unload(reason: UnloadReason): Promise<void>
}

interface Waiting {
  resolve(): void
  reject(err: LumosError): void
}

export class Residency {
  /** Called when a model takes more memory than before. */
  onGrown?: () => void
  readonly #clock: Clock
  readonly #state: ResidencyState
  readonly #tenants = new Map<number, Tenant>()
  /** Loads that wait for room. */
  readonly #waiting = new Map<number, Waiting>()
  #timer: Timer | undefined
  #lastKey = 0

  constructor({ clock, budgetBytes }: ResidencyOptions) {
    this.#clock = clock
    this.#state = newResidency(budgetBytes)
  }

  get budgetBytes(): number {
    return this.#state.budgetBytes
  }

  /** Of all that are loaded, or on their way in or out. */
  get usedBytes(): number {
    return usedBytes(this.#state)
  }

  /** Of those that are not unloaded for another one now. */
  get heldBytes(): number {
    return heldBytes(this.#state)
  }

  /** The key under which the model is known here. It takes no room until it is loaded. */
  add(tenant: Tenant, footprint: Footprint): number {
    const key = ++this.#lastKey
    this.#tenants.set(key, tenant)
    this.#step({ type: 'add', key, ...footprint })
    return key
  }

  /** The model has left, and its engine has closed. */
  remove(key: number): void {
    this.#waiting.get(key)?.reject(new CancelledError('The model has left.'))
    this.#waiting.delete(key)
    this.#step({ type: 'remove', key })
    this.#tenants.delete(key)
  }

  of(key: number): Readonly<Resident> {
    return this.#state.models.get(key)!
  }

  /**
   * A request holds the model until `end`: it is not unloaded meanwhile.
   *
   * @param keepAliveMs how long it stays loaded when it is idle after that; absent: as its footprint says.
   */
  begin(key: number, keepAliveMs?: number): void {
    this.#step({ type: 'begin', key, keepAliveMs })
  }

  end(key: number): void {
    this.#step({ type: 'end', key })
  }

  /**
   * Memory to load the model: `undefined` when it is there, else a promise of it. Call `loaded` or `unloaded` then.
   *
   * @throws {LumosError} `NO_CAPACITY`, at once where no memory can be freed soon.
   */
  room(key: number): Promise<void> | undefined {
    const effects = this.#step({ type: 'want', key })
    const own = effects.find(effect => effect.type !== 'timer' && effect.key === key)
    if (own?.type === 'load') return undefined
    if (own?.type === 'refuse') throw this.#refusal(key, own.needBytes)
    return new Promise((resolve, reject) => this.#waiting.set(key, { resolve, reject }))
  }

  /** @throws {LumosError} `NO_CAPACITY` when it turned out larger than there is room for; it is being unloaded then. */
  loaded(key: number, bytes: number, loadMs: number): void {
    const effects = this.#step({ type: 'loaded', key, bytes, loadMs })
    if (effects.some(effect => effect.type === 'refuse' && effect.key === key))
      throw this.#refusal(key, bytes)
    this.onGrown?.()
  }

  measured(key: number, bytes: number): void {
    this.#step({ type: 'measured', key, bytes })
    this.onGrown?.()
  }

  unloaded(key: number): void {
    this.#step({ type: 'unloaded', key })
  }

  /** Its owner wants the model unloaded, now or once its requests have ended. */
  unload(key: number): void {
    this.#step({ type: 'unload', key })
  }

  /** Nothing is loaded any more. */
  close(): void {
    this.#timer?.cancel()
    for (const { reject } of this.#waiting.values()) reject(new CancelledError('The node is stopping.'))
    this.#waiting.clear()
  }

  #step(event: ResidencyEvent): readonly ResidencyEffect[] {
    const { effects } = stepResidency(this.#state, event, this.#clock.monotonicMs())
    for (const effect of effects) this.#carryOut(effect)
    return effects
  }

  #carryOut(effect: ResidencyEffect): void {
    if (effect.type === 'timer') {
      this.#timer?.cancel()
      this.#timer = this.#clock.setTimer(() => this.#step({ type: 'timer' }), effect.delayMs)
      return
    }
    const { key } = effect
    if (effect.type === 'unload') {
      const unloaded = this.#tenants.get(key)!.unload(effect.reason)
      unloaded.then(() => this.#step({ type: 'unloaded', key }))
      return
    }
    const waiting = this.#waiting.get(key)
    this.#waiting.delete(key)
    if (effect.type === 'load') waiting?.resolve()
    else waiting?.reject(this.#refusal(key, effect.needBytes))
  }

  #refusal(key: number, needBytes: number): LumosError {
    const { budgetBytes } = this.#state
    const taken = needBytes > budgetBytes ? '' : `, of which ${mebibytes(usedBytes(this.#state))} are in use`
    return new LumosError(
      'NO_CAPACITY',
      `There is no memory for "${this.#tenants.get(key)!.id}": it needs ${mebibytes(needBytes)}, and models may take ${mebibytes(budgetBytes)}${taken}.`,
      {
        hint: 'What is loaded: lumos-node models. How much models may take: the setting models.memoryMax.',
        details: { needBytes, budgetBytes }
      }
    )
  }
}

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`
