/**
 * The models that are served now, by id. One that leaves ends its requests first. One whose files changed loads beside
 * the old one, which serves on until then, and for as long as the new one does not load.
 */

import type { Clock, Random } from '../../interface/clock.ts'
import { CancelledError, LumosError } from '../../interface/errors.ts'
import type { AbortOptions, Logger } from '../../interface/lifecycle.ts'
import { closestNames } from '../../interface/suggest.ts'
import type { Model } from '../host/engine.ts'
import { type ModelChange, ModelManager } from '../models/model-manager.ts'
import type { Residency } from '../models/residency.ts'
import { Admission } from './admission.ts'
import { Measured, type Measurements } from './measurements.ts'
import { expectedBytes, type MemoryPolicy } from './memory-policy.ts'
import { Speeds } from './speeds.ts'

/** What it took when it was loaded last. */
const BYTES = 'bytes'

export interface Entry {
  readonly model: Model
  readonly manager: ModelManager
  readonly admission: Admission
  readonly speeds: Speeds
  /** It left the catalogue: nothing new is asked of it. */
  draining: boolean
  /** Its files change: it cannot be loaded again. */
  changing: boolean
  /** What its files are now, until that is loaded in its place. */
  successor?: Entry
}

export interface ServedModelsOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly residency: Residency
  readonly memory: MemoryPolicy
  readonly measurements?: Measurements | undefined
  onChange(change: ModelChange): void
}

export class ServedModels {
  readonly #options: ServedModelsOptions
  #byId = new Map<string, Entry>()
  /** Models that left, and have requests under way. */
  readonly #draining = new Set<Entry>()
  /** By the name of a service, the model that answers for it. */
  services: ReadonlyMap<string, string> = new Map()
  readonly #closed = new AbortController()
  #started = false

  constructor(options: ServedModelsOptions) {
    this.#options = options
  }

  /** By its id, by another name of it, or by that of a service; a model's own names go before. */
  get(name: string): Entry | undefined {
    return this.#called(this.behind(name) ?? name)
  }

  /** The model that a service means; nothing where a model has that name itself. */
  behind(name: string): string | undefined {
    return this.#called(name) === undefined ? this.services.get(name) : undefined
  }

  #called(name: string): Entry | undefined {
    const entry = this.#byId.get(name)
    if (entry !== undefined) return entry
    for (const entry of this.#byId.values()) if (entry.model.aliases?.includes(name)) return entry
    return undefined
  }

  /** Names by which a model can be asked. */
  namesOf({ model: { id, aliases = [] } }: Entry): string[] {
    return [id, ...aliases.filter(alias => !this.#byId.has(alias))]
  }

  /** Services that a model answers for. */
  servicesOf(entry: Entry): string[] {
    return [...this.services.keys()].filter(name => this.behind(name) && this.get(name) === entry)
  }

  /** Those that can be asked. */
  get entries(): Entry[] {
    return [...this.#byId.values()]
  }

  /** All that have an engine, those that leave or come included. */
  get all(): Entry[] {
    const entries = this.entries
    return [...entries, ...entries.flatMap(({ successor }) => successor ?? []), ...this.#draining]
  }

  /** @throws {LumosError} `MODEL_NOT_FOUND` */
  mustHave(id: string): Entry {
    const entry = this.get(id)
    if (entry !== undefined) return entry
    const closest = closestNames(id, [...this.#byId.keys()])
    throw new LumosError('MODEL_NOT_FOUND', `This device has no model "${id}".`, {
      hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See what it has: lumos-node models',
      details: { closest }
    })
  }

  /** Loads the models that the settings want loaded, now and when they come. */
  warmUp(): void {
    this.#started = true
    this.#warm(this.entries)
  }

  async load(id: string, { signal = this.#closed.signal }: AbortOptions = {}): Promise<Entry> {
    const entry = this.mustHave(id)
    await entry.manager.ready(signal)
    return entry
  }

  #warm(entries: readonly Entry[]): void {
    const { warm, pinned } = this.#options.memory
    const wanted = [...warm, ...pinned]
    for (const entry of entries) {
      // A failure is logged, and `failed` of the registry has it.
      if (isOneOf(entry.model, wanted)) this.load(entry.model.id).catch(() => {})
    }
  }

  /** These are the models from now on, and those that are loaded while their files change. */
  update(models: readonly Model[], changing: readonly string[]): void {
    const before = this.#byId
    this.#byId = new Map(models.map(model => [model.id, this.#entryOf(model, before.get(model.id))]))
    for (const entry of this.#byId.values()) entry.changing = false
    for (const id of changing) {
      const known = before.get(id)
      if (known === undefined || this.#byId.has(id) || !known.manager.warm) continue
      known.changing = true
      if (known.successor !== undefined) this.#retire(known.successor)
      known.successor = undefined
      this.#byId.set(id, known)
    }
    const entries = this.entries
    for (const known of before.values()) if (!entries.includes(known)) this.#retire(known)
    for (const entry of entries) if (entry.successor !== undefined) this.#succeed(entry)
    if (this.#started) this.#warm(entries.filter(({ model }) => !before.has(model.id)))
  }

  #entryOf(model: Model, known: Entry | undefined): Entry {
    if (known === undefined) return this.#newEntry(model)
    if (known.successor !== undefined && known.successor.model !== model) {
      this.#retire(known.successor)
      known.successor = undefined
    }
    if (known.model === model || known.successor !== undefined) return known
    const entry = this.#newEntry(model)
    if (!known.manager.warm) return entry
    known.successor = entry
    return known
  }

  #newEntry(model: Model): Entry {
    const { residency, memory, clock, log, onChange, measurements } = this.#options
    const { pinned, keepAliveMs } = memory
    const measured = new Measured(model, measurements, log)
    const bytes = measured.of(BYTES)
    const manager = new ModelManager(model, {
      ...this.#options,
      footprint: {
        bytes: typeof bytes === 'number' ? bytes : expectedBytes(model, residency.budgetBytes),
        pinned: isOneOf(model, pinned),
        keepAliveMs
      },
      onChange: change => {
        const current = this.#byId.get(model.id)
        // What is larger than all room was not loaded, so a model that is kept out is tried again after a restart.
        if (change.type === 'loaded') measured.keep(BYTES, Math.round(change.memoryBytes))
        if (current?.manager === manager && change.type === 'unloaded') this.#replaceIfCold(current)
        onChange(change)
      }
    })
    const admission = new Admission(model.slots, clock)
    const speeds = new Speeds(measured, clock)
    return { ...{ model, manager, admission, speeds }, draining: false, changing: false }
  }

  /** Loads the successor beside the model, and puts it in its place. */
  #succeed(entry: Entry): void {
    const next = entry.successor!
    let ready: Promise<void> | undefined
    try {
      ready = next.manager.ready(this.#closed.signal)
    } catch {
      // It failed before, and waits for its next try.
      return
    }
    if (ready === undefined) this.#replace(entry, next)
    ready?.then(
      () => this.#replace(entry, next),
      err => {
        // There is no room for both: the new one loads once the old one has gone.
        if (err instanceof LumosError && err.code === 'NO_CAPACITY') this.#replace(entry, next)
      }
    )
  }

  /** The old one serves on though its successor did not load; once it is unloaded, nothing is left of its files. */
  #replaceIfCold(entry: Entry): void {
    if (entry.manager.warm) return
    if (entry.changing && this.#byId.delete(entry.model.id)) this.#retire(entry)
    else this.#replace(entry)
  }

  #replace(entry: Entry, next = entry.successor): void {
    const { id } = entry.model
    if (next === undefined || entry.successor !== next || this.#byId.get(id) !== entry) return
    entry.successor = undefined
    this.#byId.set(id, next)
    this.#retire(entry)
  }

  #retire(entry: Entry): void {
    if (entry.successor !== undefined) this.#retire(entry.successor)
    entry.draining = true
    this.#draining.add(entry)
    this.closeIfDrained(entry)
  }

  /** The last request of a model that left has ended. */
  closeIfDrained(entry: Entry): void {
    const { residency, log } = this.#options
    const { manager, model } = entry
    if (!entry.draining || residency.of(manager.key).leases > 0 || !this.#draining.delete(entry)) return
    manager
      .close()
      .catch(err => log.error({ model: model.id, err }, 'the engine of a removed model did not close'))
      .then(() => residency.remove(manager.key))
  }

  async close(): Promise<void> {
    this.#closed.abort(new CancelledError('The node is stopping.'))
    this.#options.residency.close()
    await Promise.all(this.all.map(({ manager }) => manager.close()))
  }
}

const isOneOf = ({ id, aliases = [] }: Model, names: readonly string[]): boolean =>
  names.includes(id) || aliases.some(alias => names.includes(alias))
