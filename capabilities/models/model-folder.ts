/**
 * One folder of models, watched: models that are put there, changed or removed
 * are noticed while the node runs.
 *
 * The operating system reports changes of the folder itself, and not on every
 * file system; so the folder is also read anew from time to time.
 */

import { type FSWatcher, watch } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Clock, Timer } from '../../interface/clock.ts'
import { toLumosError } from '../../interface/errors.ts'
import type { Startable } from '../../interface/lifecycle.ts'
import type { LeftOut } from '../../interface/node.ts'
import { contentsOf } from './folder-contents.ts'
import type { EnginesHere, FoundModel } from './found-model.ts'
import { readModels } from './read-models.ts'
import { isIgnored, isModelFile, whyNoModel } from './strays.ts'

/** A change that the operating system did not report is seen within this time, at the cost of a few `stat` calls. */
const RESCAN_MS = 10_000
/** Files that did not change for this long are copied: a copy under way writes many times a second. */
const SETTLE_MS = 1000
/** More than any device serves; bounds the work on a folder that holds something else. */
const ENTRIES_MAX = 1024

export interface ModelFolderOptions {
  readonly clock: Clock
  /** Whether it may be missing. */
  readonly optional: boolean
  /** Whether it is that of a store: its models have the names that their owner gave them, and their files have second names. */
  readonly stored?: boolean
  readonly engines?: EnginesHere | undefined
  /** Called when `models` or `leftOut` changed. */
  onChange(): void
}

/** One entry of the folder as it was last seen. */
interface Sighting {
  /** Changes when one of its files does. */
  readonly mark: string
  readonly result: readonly FoundModel[] | LeftOut
  /** Whether two looks in a row saw the same files. */
  readonly settled: boolean
  /** Of what is left out: changes when anything in its folder does. Absent: it is read at each look. */
  readonly contents?: string | undefined
  /** While they still change: what they were before. */
  readonly last?: readonly FoundModel[] | undefined
}

export class ModelFolder implements Startable {
  readonly path: string
  readonly #options: ModelFolderOptions
  /** By path. */
  #seen = new Map<string, Sighting>()
  #unreadable: LeftOut | undefined
  #watcher: FSWatcher | undefined
  #timer: Timer | undefined
  #looks = 0
  #looking = false
  #looked = Promise.withResolvers<void>()
  /** What was seen before does not count. */
  #fresh = false
  /** A change was reported while the folder was being read. */
  #changed = false
  #stopped = false

  constructor(path: string, options: ModelFolderOptions) {
    this.path = path
    this.#options = options
  }

  /** What may be served, in the order of its names. */
  get models(): FoundModel[] {
    return [...this.#seen.values()].flatMap(({ result, settled }) =>
      settled && isFound(result) ? result : []
    )
  }

  /** Ids of the models whose files still change, and were settled before. */
  get changing(): string[] {
    return [...this.#seen.values()].flatMap(({ last = [] }) => last.map(({ id }) => id))
  }

  get leftOut(): LeftOut[] {
    const entries = [...this.#seen].flatMap(([place, { result, settled }]) => {
      if (!isFound(result)) return [result]
      if (settled) return []
      return result.map(({ id }) => ({ ...invalid(place, 'its files still change'), model: id }))
    })
    return this.#unreadable === undefined ? entries : [this.#unreadable, ...entries]
  }

  /** Resolves once the folder was read for the first time, whatever it holds. */
  async start(): Promise<void> {
    await this.#look()
  }

  /** Does not wait for a read under way, which a dead network drive may never end. */
  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#watcher?.close()
  }

  /** Reads all of it anew: an engine has come or gone. */
  async refresh(): Promise<void> {
    while (this.#looking) await this.#looked.promise
    if (this.#stopped) return
    this.#fresh = true
    await this.#look()
  }

  async #look(): Promise<void> {
    this.#timer?.cancel() // One look at a time.
    this.#looking = true
    this.#looked = Promise.withResolvers()
    this.#changed = false
    this.#watch()
    const before = this.#seen
    const unreadable = this.#unreadable
    const seen = await this.#read(before)
    this.#looking = false
    this.#fresh = false
    this.#looked.resolve()
    if (this.#stopped) return
    this.#looks++
    this.#seen = seen

    const isSame = ({ mark, settled }: Sighting, path: string): boolean =>
      before.get(path)?.mark === mark && before.get(path)?.settled === settled
    const same = seen.size === before.size && [...seen].every(([path, sighting]) => isSame(sighting, path))
    if (!same || this.#unreadable?.reason !== unreadable?.reason) this.#options.onChange()
    this.#arm(this.#changed || !same ? SETTLE_MS : RESCAN_MS)
  }

  /** Never throws: what cannot be read is left out. */
  async #read(before: ReadonlyMap<string, Sighting>): Promise<Map<string, Sighting>> {
    const seen = new Map<string, Sighting>()
    let names: string[] = []
    this.#unreadable = undefined
    try {
      names = (await readdir(this.path)).filter(name => !isIgnored(name)).sort()
    } catch (err) {
      this.#watcher?.close()
      this.#watcher = undefined
      const { code } = err as NodeJS.ErrnoException
      const missing = code === 'ENOENT'
      const reason = missing ? 'there is no such folder' : `the folder is not readable: ${code}`
      if (!missing || !this.#options.optional) this.#unreadable = invalid(this.path, reason)
    }
    if (names.length > ENTRIES_MAX) {
      this.#unreadable = invalid(
        this.path,
        `of ${names.length} entries, the first ${ENTRIES_MAX} are looked at`
      )
    }
    for (const name of names.slice(0, ENTRIES_MAX)) {
      const path = join(this.path, name)
      const sighting = await this.#sight(path, before.get(path))
      if (sighting !== undefined) seen.set(path, sighting)
    }
    return seen
  }

  /** The models in the folder `path`; none for a file that nothing is said of. */
  async #sight(path: string, before: Sighting | undefined): Promise<Sighting | undefined> {
    let contents: string | undefined
    try {
      if (before !== undefined && !this.#fresh) {
        if (await this.#isUnchanged(path, before))
          return before.settled ? before : { ...before, settled: true, last: undefined }
      }
      // Before it is read: what changes meanwhile is seen the next time.
      contents = await contentsOf(path, this.#options.engines)
      if (!isModelFile(basename(path)) && !(await stat(path)).isDirectory()) return strayFile(path)
      const found = await readModels(path, this.#options.engines, this.#options.stored)
      const mark = await markOf(found)
      // What lies there when the node starts is served at once; a copy that goes on changes its mark.
      const settled = this.#looks === 0 || this.#fresh || before?.mark === mark
      return { mark, result: found, settled, last: settled ? undefined : servedBefore(before) }
    } catch (err) {
      const { code, message } = toLumosError(err)
      // In the middle of a copy, a model can be broken for a moment.
      const last = before?.mark === message ? undefined : servedBefore(before)
      const result = { place: path, model: null, code, reason: message }
      return { mark: message, result, settled: last === undefined, last, contents }
    }
  }

  /** Nothing is read for this: the head of a model that is broken may be long. */
  async #isUnchanged(path: string, { result, mark, contents }: Sighting): Promise<boolean> {
    if (isFound(result)) return (await markOf(result)) === mark
    return contents !== undefined && (await contentsOf(path, this.#options.engines)) === contents
  }

  #watch(): void {
    if (this.#watcher !== undefined) return
    try {
      const watcher = watch(this.path, { persistent: false }, () => this.#onChanged())
      // It ends with its folder; the folder is read anew anyway.
      watcher.on('error', () => watcher.close())
      this.#watcher = watcher
    } catch {
      // There is nothing to watch yet, or the file system does not report changes.
    }
  }

  #onChanged(): void {
    if (this.#looking) this.#changed = true
    else if (!this.#changed) {
      this.#changed = true
      this.#arm(SETTLE_MS)
    }
  }

  #arm(delayMs: number): void {
    this.#timer?.cancel()
    if (this.#stopped) return
    this.#timer = this.#options.clock.setTimer(() => void this.#look(), delayMs)
  }
}

function strayFile(path: string): Sighting | undefined {
  const reason = whyNoModel(basename(path))
  return reason === undefined ? undefined : { mark: reason, result: invalid(path, reason), settled: true }
}

const servedBefore = (before: Sighting | undefined): readonly FoundModel[] | undefined =>
  before?.settled && isFound(before.result) ? before.result : before?.last

const isFound = (result: Sighting['result']): result is readonly FoundModel[] => Array.isArray(result)

/** What changes with each of the files of these models. */
async function markOf(models: readonly FoundModel[]): Promise<string> {
  const marks: string[] = []
  for (const path of new Set(models.flatMap(({ parts }) => parts))) {
    const stats = await stat(path).catch(() => undefined)
    marks.push(stats === undefined ? 'gone' : `${stats.ino}:${stats.size}:${stats.mtimeMs}`)
  }
  return marks.join(' ')
}

const invalid = (place: string, reason: string): LeftOut => ({
  place,
  model: null,
  code: 'MODEL_INVALID',
  reason: `${reason[0]!.toUpperCase()}${reason.slice(1)}.`
})
