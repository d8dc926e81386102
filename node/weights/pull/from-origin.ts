/** A model of an origin: what the store has stays, what devices of the mesh have comes from there, and the rest from the origin. */

import { toLumosError } from '../../../interface/errors.ts'
import { LEAF_BYTES } from '../../../interface/limits.ts'
import type { Pulled, RepositoryFile, WeightSource } from '../../../interface/weights.ts'
import type { StoredFile } from '../../../storage/weights/types.ts'
import {
  download,
  keyOf,
  type LeafTarget,
  type Listing,
  type Origin,
  type OriginFile,
  type OriginRef,
  obtainFile,
  retrying
} from '../origins/index.ts'
import { checkRepository } from '../repositories/index.ts'
import { isShared } from '../sharing/index.ts'
import { mayReuse } from '../transfer/audience.ts'
import { KEPT_MAX, type Pull, type PullCheckpoint, toPulled } from './parts.ts'
import type { PullProgress } from './progress.ts'

/** Files that come at once: hubs limit the rate of a connection. */
const FILES_AT_ONCE = 3
/** Devices of the mesh that send nothing for so long give way to the origin. */
const MESH_WAIT_MS = 15_000
/** What is there before this pull. */
const DISK = 'disk'

export async function pullFromOrigin(ref: OriginRef, pull: Pull): Promise<Pulled> {
  const { context, clock, random, transfer, store, seal } = pull
  const { signal, checkpoint } = context
  context.progress({ done: 0, total: null, unit: 'bytes', message: 'asks the origin' })
  // A branch may have moved on since the pull began: it ends with what it began with.
  const origin = pull.originOf(pinned(ref, checkpoint))
  await using _ = { [Symbol.asyncDispose]: async () => origin.close?.() }
  const { all, parts } = pull
  const asked = { signal, all, ...(parts && { parts }) }
  const listing = await retrying(() => origin.list(asked), { clock, random, signal })
  const name = pull.name ?? listing.name
  const progress = pull.progressOf(name)
  const files = await new Files(origin, { ...listing, name }, pull, progress).all()
  await checkRepository(
    files.map(({ path, sha256 }) => ({ path, place: pull.placeOf(sha256) })),
    { signal, ...(parts && { parts }) }
  )
  const cid = await store.directoryOf(files, { signal })
  const repository = { name, cid, bytes: files.reduce((sum, file) => sum + file.bytes, 0), files }
  const stored = await store.add(repository, await seal(repository), { signal })
  transfer.changed()
  return toPulled(stored, progress.sources)
}

/** Of hubs that list one commit. */
const pinned = (ref: OriginRef, checkpoint: PullCheckpoint | undefined): OriginRef =>
  ref.kind === 'hf' && checkpoint?.revision != null ? { ...ref, revision: checkpoint.revision } : ref

class Files {
  readonly #origin: Origin
  readonly #listing: Listing
  readonly #pull: Pull
  readonly #progress: PullProgress
  readonly #kept: Record<string, string>
  #step: number

  constructor(origin: Origin, listing: Listing, pull: Pull, progress: PullProgress) {
    this.#origin = origin
    this.#listing = listing
    this.#pull = pull
    this.#progress = progress
    const { revision, kept, step } = pull.context.checkpoint ?? { revision: null, kept: {}, step: 0 }
    this.#kept = revision === listing.revision ? { ...kept } : {}
    this.#step = step
  }

  async all(): Promise<RepositoryFile[]> {
    const { files } = this.#listing
    this.#progress.expect(files.reduce((sum, { bytes }) => sum + bytes, 0))
    await this.#mustHaveRoom()
    this.#save()
    const token = await this.#origin.token?.()
    const done = new Map<OriginFile, StoredFile>()
    const waiting = [...files]
    const abort = new AbortController()
    const signal = AbortSignal.any([this.#pull.context.signal, abort.signal])
    const work = async (): Promise<void> => {
      for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
        signal.throwIfAborted()
        done.set(file, await this.#one(file, token, signal))
        this.#keep(file, done.get(file)!)
      }
    }
    const workers = Array.from({ length: FILES_AT_ONCE }, work)
    try {
      await Promise.all(workers)
    } catch (err) {
      // What has come so far is on disk when the job ends.
      abort.abort(err)
      await Promise.allSettled(workers)
      throw err
    }
    return files.map(file => ({ path: file.path, ...done.get(file)! }))
  }

  /** For all that is still to come, so that a disk is not filled in vain. */
  async #mustHaveRoom(): Promise<void> {
    const { store } = this.#pull
    const missing = new Map<string, number>()
    for (const file of this.#listing.files) {
      const stored = store.file(file.sha256 ?? this.#kept[file.path] ?? '')
      if (stored === undefined || !this.#mayReuse(stored)) missing.set(keyOf(file), file.bytes)
    }
    const bytes = [...missing.values()].reduce((sum, bytes) => sum + bytes, 0)
    await store.checkRoom(bytes, [...missing.keys()])
  }

  async #one(file: OriginFile, token: string | undefined, signal: AbortSignal): Promise<StoredFile> {
    const { store, client, random } = this.#pull
    const sha256 = file.sha256 ?? this.#kept[file.path]
    const stored = sha256 === undefined ? undefined : store.file(sha256)
    if (stored !== undefined && this.#mayReuse(stored)) {
      this.#progress.add(DISK, stored.bytes, file.path)
      return stored
    }
    // A small file is here sooner than the devices of the mesh are asked.
    const asksMesh = file.sha256 !== undefined && file.bytes > LEAF_BYTES
    const came = asksMesh ? await this.#fromMesh(file, signal) : 0
    const how = {
      signal,
      mayReuse: (stored: StoredFile) => this.#mayReuse(stored),
      onKept: (bytes: number) => this.#progress.add(DISK, Math.max(0, bytes - came), file.path)
    }
    const { host } = this.#listing
    if (!isShared(file)) {
      const onBytes = (bytes: number) => this.#progress.add(host, bytes, file.path)
      return await obtainFile(store, file, {
        ...how,
        client,
        random,
        token,
        onBytes,
        ...this.#otherWay(file, onBytes, signal)
      })
    }
    return await this.#pull.transfer.sharing.obtain(file, {
      ...{ ...how, model: this.#listing.name },
      download: (target, signal) => download(target, file, { client, random, token, signal }),
      onBytes: (from, bytes) => this.#progress.add(from ?? host, bytes, file.path)
    })
  }

  /** Of an origin that is not asked by HTTP. */
  #otherWay(file: OriginFile, onBytes: (bytes: number) => void, signal: AbortSignal) {
    const origin = this.#origin
    if (origin.fetch === undefined) return {}
    const { clock, random } = this.#pull
    const fetch = (target: LeafTarget, progress: () => void) =>
      origin.fetch!(target, file, {
        signal,
        onBytes(bytes) {
          progress()
          onBytes(bytes)
        }
      })
    return {
      fetch: (target: LeafTarget) => retrying(progress => fetch(target, progress), { clock, random, signal })
    }
  }

  #mayReuse({ cid }: StoredFile): boolean {
    return mayReuse(this.#pull.store.namesOf(cid), this.#pull.offeredTo)
  }

  /** @returns the bytes that devices of the mesh have sent: all, none, or what the origin completes. */
  async #fromMesh({ sha256, path }: OriginFile, signal: AbortSignal): Promise<number> {
    const counted = new Map<string, number>()
    const count = (sources: readonly WeightSource[]): void => {
      for (const { from, bytes } of sources) {
        if (from === DISK) continue
        this.#progress.add(from, bytes - (counted.get(from) ?? 0), path)
        counted.set(from, bytes)
      }
    }
    try {
      const onProgress = ({ sources }: { sources: readonly WeightSource[] }) => count(sources)
      await this.#pull.transfer.fetchFile(sha256!, { signal, waitMs: MESH_WAIT_MS, onProgress })
    } catch (err) {
      // What devices of the mesh cannot do, the origin does.
      if (signal.aborted || toLumosError(err).code === 'WEIGHTS_FULL') throw err
    }
    return [...counted.values()].reduce((sum, bytes) => sum + bytes, 0)
  }

  #keep(file: OriginFile, { sha256 }: StoredFile): void {
    if (file.sha256 === undefined && Object.keys(this.#kept).length < KEPT_MAX) this.#kept[file.path] = sha256
    this.#save()
  }

  #save(): void {
    this.#step++
    this.#pull.context.save({ revision: this.#listing.revision, kept: { ...this.#kept }, step: this.#step })
  }
}
