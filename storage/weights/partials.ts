/** The files that come now, each under its key, and the leaves that can be served of them already. */

import { readdir, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import { invalidWeights } from './failure.ts'
import type { Ground } from './ground.ts'
import { journalOf } from './journal.ts'
import { LeafFile } from './partial-file.ts'
import { type PartialKeeper, type PartialPlace, removePartial } from './partial-place.ts'
import type { Coming, Room } from './room.ts'

/** Part of the name of a file: a hash in hex, or a CID. */
const KEY = /^[0-9a-z]{8,128}$/
const DATA = '.data'
const JOURNAL = '.journal'

interface Open extends Coming {
  readonly over: Promise<void>
}

export class Partials {
  readonly #ground: Ground
  readonly #publish: PartialKeeper['publish']
  readonly #open: Map<string, Open>
  readonly #room: Room
  /** By digest in hex. */
  readonly #leaves = new Map<string, { readonly partial: LeafFile; readonly leaf: number }>()
  readonly #files = new Set<LeafFile>()

  constructor(
    ground: Ground,
    room: (coming: ReadonlyMap<string, Coming>) => Room,
    publish: PartialKeeper['publish']
  ) {
    this.#ground = ground
    this.#publish = publish
    this.#open = new Map()
    this.#room = room(this.#open)
  }

  get room(): Room {
    return this.#room
  }

  async open(key: string, bytes: number, options: AbortOptions): Promise<LeafFile> {
    if (!KEY.test(key)) throw invalidWeights('The key of a file that is to come is a hash or a CID.')
    this.#ground.folder.ready()
    const { promise: over, resolve } = Promise.withResolvers<void>()
    options.signal?.throwIfAborted()
    await this.#claim(key, { bytes, bytesHave: 0, over }, options)
    const place = this.#placeOf(key)
    const digests = new Set<string>()
    let partial: LeafFile | undefined
    const closed = (): void => {
      for (const digest of digests)
        if (this.#leaves.get(digest)?.partial === partial) this.#leaves.delete(digest)
      if (partial !== undefined) this.#files.delete(partial)
      this.#open.delete(key)
      resolve()
    }
    const found: [string, number][] = []
    const onLeaf = (digest: Uint8Array, leaf: number): void => {
      const hex = Buffer.from(digest).toString('hex')
      digests.add(hex)
      if (partial === undefined) found.push([hex, leaf])
      else this.#leaves.set(hex, { partial, leaf })
    }
    try {
      await this.#seed(key, place)
      const keeper = { thread: this.#ground.thread, publish: this.#publish, onLeaf, closed }
      partial = await LeafFile.open(bytes, place, keeper, options)
    } catch (err) {
      closed()
      throw err
    }
    for (const [hex, leaf] of found) this.#leaves.set(hex, { partial, leaf })
    this.#files.add(partial)
    this.#open.set(key, {
      bytes,
      get bytesHave() {
        return partial!.bytesHave
      },
      over
    })
    return partial
  }

  /** Nothing is coming. */
  get isIdle(): boolean {
    return this.#open.size === 0
  }

  has(digest: Uint8Array): boolean {
    return this.#leaves.has(Buffer.from(digest).toString('hex'))
  }

  async leaf(digest: Uint8Array): Promise<Uint8Array | undefined> {
    const found = this.#leaves.get(Buffer.from(digest).toString('hex'))
    return await found?.partial.read(found.leaf).catch(() => undefined)
  }

  /** Those that nothing was added to since `beforeMs`, and that are not open. */
  async old(beforeMs: number): Promise<{ bytes: number; remove(): Promise<void> }[]> {
    const { partial: folder } = this.#ground.folder
    const old: { bytes: number; remove(): Promise<void> }[] = []
    for (const name of await readdir(folder).catch((): string[] => [])) {
      const key = name.slice(0, -DATA.length)
      if (!name.endsWith(DATA) || this.#open.has(key)) continue
      const { mtimeMs, size } = await stat(join(folder, name))
      if (mtimeMs < beforeMs) old.push({ bytes: size, remove: () => removePartial(this.#placeOf(key)) })
    }
    return old
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files].map(partial => partial.close()))
  }

  /** Waits for the one that has it, and then for room. */
  async #claim(key: string, coming: Open, { signal }: AbortOptions): Promise<void> {
    for (let other = this.#open.get(key); other !== undefined; other = this.#open.get(key)) {
      const { promise: given, reject } = Promise.withResolvers<never>()
      const onAbort = () => reject(signal!.reason)
      signal?.addEventListener('abort', onAbort)
      await Promise.race([other.over, given]).finally(() => signal?.removeEventListener('abort', onAbort))
    }
    await this.#ground.changes.take(async () => {
      await this.#room.check(coming.bytes, [key])
      this.#open.set(key, coming)
    })
  }

  /**
   * A file that is damaged, or that may be, is where its repair begins: its leaves are hashed as those of any partial, and
   * only what is wrong is to come.
   */
  async #seed(key: string, place: PartialPlace): Promise<void> {
    const { files, folder, changes } = this.#ground
    await changes.take(async () => {
      const known = files.bySha256(key) ?? files.byCid(key)
      const isThere = await stat(place.data).catch(() => undefined)
      if (known === undefined || isThere !== undefined) return
      if (known.state !== 'bad' && known.state !== 'suspect') return
      await writeFile(place.journal, journalOf(files.digests(known.id)))
      await rename(folder.fileOf(known.sha256), place.data).catch(() => undefined)
      files.mark(known.id, 'bad', { problem: 'it is being fetched again' })
    })
  }

  #placeOf(key: string): PartialPlace {
    const path = join(this.#ground.folder.partial, key)
    return { data: path + DATA, journal: path + JOURNAL }
  }
}
