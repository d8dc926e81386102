/** The memory of this device, as programs use it. Its thread starts with the first space. */

import { existsSync, mkdirSync } from 'node:fs'
import { memoryBytes } from '../../interface/amounts.ts'
import { LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type {
  AddedFile,
  DocContent,
  DocInfo,
  DocKind,
  ExportFormat,
  Memory,
  MemoryChange,
  MemoryChanged,
  MemoryFile,
  MemoryFileInfo,
  MemoryHistoryItem,
  MemorySearch,
  MemorySearchOptions,
  MemoryValue,
  ReadDocOptions,
  SpaceGrant,
  SpaceInfo,
  SpacePart,
  SpaceRight
} from '../../interface/memory.ts'
import { memoryFile } from '../../storage/memory/memory-file.ts'
import type { Feature, FeatureComponents, MeshContext, Participation } from '../feature.ts'
import type { Knowledge } from './knowledge/knowledge.ts'
import { MeshMemory } from './mesh-memory.ts'
import type { Searching } from './recall/searching.ts'
import { watched } from './watched.ts'
import type { MemoryEngine } from './worker/engine.ts'

export interface MemorySettings {
  readonly spaceMax: string | number
  readonly searchModel?: string
}

/** The document that files are added to where none is named. */
const KNOWLEDGE = 'knowledge'

type InDoc = AbortOptions & { readonly doc?: string }

export class MemoryFeature implements Feature<Memory>, Memory {
  readonly name = 'memory'
  readonly facet = this
  readonly #components: FeatureComponents
  #mesh: MeshContext | undefined
  #sync: MeshMemory | undefined
  #engine: Promise<MemoryEngine> | undefined
  #searching: Searching | undefined
  #knowledge: Promise<Knowledge> | undefined

  constructor(components: FeatureComponents) {
    this.#components = components
  }

  join(mesh: MeshContext): Participation {
    this.#mesh = mesh
    this.#sync = new MeshMemory({ mesh, engine: () => this.#open(), isInUse: () => this.#isInUse })
    return this.#sync
  }

  async close(): Promise<void> {
    this.#searching?.stop()
    const knowledge = await this.#knowledge
    knowledge?.close()
    const engine = await this.#engine?.catch(() => undefined)
    await engine?.close()
  }

  async spaces(options?: AbortOptions): Promise<SpaceInfo[]> {
    if (!this.#isInUse) return []
    return (await (await this.#open()).spaces(options)).map(space => this.#withPeers(space))
  }

  async space(ref: string, options?: AbortOptions): Promise<SpaceInfo> {
    return this.#withPeers(await (await this.#opened(ref)).space(ref, options))
  }

  async create(name: string, options?: AbortOptions): Promise<SpaceInfo> {
    return this.#withPeers(await (await this.#open()).create(name, options))
  }

  async docs(space: string, options?: AbortOptions): Promise<DocInfo[]> {
    return await (await this.#opened(space)).docs(space, options)
  }

  async read(space: string, doc: string, options?: ReadDocOptions): Promise<DocContent> {
    return await (await this.#opened(space)).read(space, doc, options)
  }

  async get(
    space: string,
    doc: string,
    key: string,
    options?: AbortOptions
  ): Promise<MemoryValue | undefined> {
    return await (await this.#opened(space)).get(space, doc, key, options)
  }

  async write(
    space: string,
    doc: string,
    kind: DocKind | null,
    changes: readonly MemoryChange[],
    options?: AbortOptions
  ): Promise<{ seq: number; ids: readonly string[] }> {
    return await (await this.#opened(space)).write(space, doc, kind, changes, options)
  }

  async addFile(space: string, file: MemoryFile, options: InDoc = {}): Promise<AddedFile> {
    const engine = await this.#opened(space)
    this.#knowledge ??= import('./knowledge/knowledge.ts').then(
      ({ Knowledge }) => new Knowledge(this.#components.clock)
    )
    return await (await this.#knowledge).add(engine, space, options.doc ?? KNOWLEDGE, file, options)
  }

  async files(space: string, { doc = KNOWLEDGE, signal }: InDoc = {}): Promise<MemoryFileInfo[]> {
    return await (await this.#opened(space)).files(space, doc, { signal })
  }

  async removeFile(space: string, name: string, { doc = KNOWLEDGE, signal }: InDoc = {}): Promise<boolean> {
    return await (await this.#opened(space)).removeFile(space, doc, name, { signal })
  }

  async history(
    space: string,
    options?: AbortOptions & { doc?: string; limit?: number }
  ): Promise<MemoryHistoryItem[]> {
    return await (await this.#opened(space)).history(space, options)
  }

  async search(query: string, options: MemorySearchOptions = {}): Promise<MemorySearch> {
    const [ref] = options.spaces ?? []
    if (!this.#isInUse && ref === undefined)
      return { found: [], mode: 'text', model: null, pending: 0, left: 0 }
    await (ref === undefined ? this.#open() : this.#opened(ref))
    return await this.#searching!.search(query, options)
  }

  async *watch(
    space: string,
    { doc, signal }: AbortOptions & { doc?: string } = {}
  ): AsyncGenerator<MemoryChanged> {
    const engine = await this.#opened(space)
    const { id, name } = await engine.space(space, { signal })
    yield* watched(engine, { spaces: [id, name], doc }, signal)
  }

  async share(
    space: string,
    to: SpaceGrant['to'],
    right: SpaceRight | null,
    options?: AbortOptions
  ): Promise<SpaceInfo> {
    const engine = await this.#opened(space)
    // A carrier is given the key for a device only where the thread knows that device.
    await this.#sync?.tellMembers()
    return this.#withPeers(await engine.share(space, to, right, options))
  }

  async exclude(space: string, peerId: string, options?: AbortOptions): Promise<SpaceInfo> {
    return this.#withPeers(await (await this.#opened(space)).exclude(space, peerId, options))
  }

  async hold(space: string, part: SpacePart, options?: AbortOptions): Promise<SpaceInfo> {
    return this.#withPeers(await (await this.#opened(space)).hold(space, part, options))
  }

  async compact(space: string, options?: AbortOptions): Promise<{ bytesBefore: number; bytesAfter: number }> {
    return await (await this.#opened(space)).compact(space, options)
  }

  async verify(
    space: string,
    options?: AbortOptions
  ): Promise<{ envelopes: number; problems: readonly string[] }> {
    return await (await this.#opened(space)).verify(space, options)
  }

  async forget(space: string, options?: AbortOptions & { doc?: string }): Promise<void> {
    await (await this.#opened(space)).forget(space, options)
  }

  async export(space: string, options?: AbortOptions & { format?: ExportFormat }): Promise<Uint8Array> {
    return await (await this.#opened(space)).export(space, options)
  }

  async import(
    name: string,
    bytes: Uint8Array,
    options?: AbortOptions & { format?: ExportFormat }
  ): Promise<SpaceInfo & { leftOut: readonly string[] }> {
    return this.#withPeers(await (await this.#open()).import(name, bytes, options))
  }

  get #path(): string {
    return memoryFile(this.#components.directory)
  }

  /** Whether this device has, or had, a space. */
  get #isInUse(): boolean {
    return this.#engine !== undefined || existsSync(this.#path)
  }

  /** @throws {LumosError} `MEMORY_NOT_FOUND` where there is no space at all: no thread starts to say so. */
  async #opened(ref: string): Promise<MemoryEngine> {
    if (this.#isInUse) return await this.#open()
    throw new LumosError('MEMORY_NOT_FOUND', `This device has no space "${ref.slice(0, 64)}".`, {
      hint: 'Make one: lumos-node memory create NAME'
    })
  }

  #open(): Promise<MemoryEngine> {
    this.#engine ??= this.#start().catch(err => {
      this.#engine = undefined
      throw err
    })
    return this.#engine
  }

  async #start(): Promise<MemoryEngine> {
    const { directory, clock, log, settings, hardware } = this.#components
    const mesh = this.#mesh
    if (mesh === undefined) throw new LumosError('NODE_NOT_RUNNING', 'The node has no mesh yet.')
    const { openMemoryEngine } = await import('./worker/memory-thread.ts')
    const { Searching } = await import('./recall/searching.ts')
    const { spaceMax, searchModel } = settings as MemorySettings
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const engine = openMemoryEngine({
      path: this.#path,
      // The private half: an Ed25519 key of libp2p has the public one behind it.
      seed: mesh.privateKey.raw.slice(0, 32),
      spaceBytesMax: memoryBytes(spaceMax, hardware.memoryBytes)!,
      ...{ clock, log }
    })
    this.#searching = new Searching({ engine, mesh: () => this.#mesh!, clock, log, model: searchModel })
    await this.#sync?.begin(engine)
    return engine
  }

  #withPeers<S extends SpaceInfo>(info: S): S {
    return { ...info, peers: this.#sync?.peersOf(info.id) ?? [] }
  }
}
