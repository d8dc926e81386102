/** A store of weights in memory, as `WeightStore` has it: what transfers are tried against without a disk. */

import { createHash } from 'node:crypto'
import { LumosError } from '../../interface/errors.ts'
import type { Repository, RepositoryFile } from '../../interface/weights.ts'
import { LEAF_BYTES } from '../../interface/weights.ts'
import { leafCidText, leafDigest } from '../../storage/weights/cid.ts'
import type {
  FinishOptions,
  PartialFile,
  StoredFile,
  StoredRepository,
  WeightStore
} from '../../storage/weights/types.ts'
import { fileDag, leafBytes, leavesIn } from './file-dag.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
export const cidOf = (bytes: Uint8Array): string => leafCidText(sha256(bytes))

const leavesOfBytes = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: leavesIn(bytes.byteLength) }, (_, n) =>
    bytes.subarray(n * LEAF_BYTES, (n + 1) * LEAF_BYTES)
  )
const digestsOf = (bytes: Uint8Array): Uint8Array => Buffer.concat(leavesOfBytes(bytes).map(sha256))

/** What a directory of these files is called here. The real store makes a UnixFS directory. */
const directoryCid = (files: readonly RepositoryFile[]): string =>
  cidOf(Buffer.from(JSON.stringify(files.map(({ path, cid }) => [path, cid]).sort())))

function fileOf(path: string, bytes: Uint8Array): RepositoryFile {
  const { cid } = fileDag(digestsOf(bytes), bytes.byteLength)
  return { path, bytes: bytes.byteLength, sha256: sha256(bytes).toString('hex'), cid }
}

export function repositoryOf(name: string, files: Readonly<Record<string, Uint8Array>>): Repository {
  const entries = Object.entries(files).map(([path, bytes]) => fileOf(path, bytes))
  const bytes = entries.reduce((sum, file) => sum + file.bytes, 0)
  return { name, cid: directoryCid(entries), bytes, files: entries }
}

interface Kept {
  readonly file: StoredFile
  readonly bytes: Uint8Array
  readonly leaves: readonly string[]
}

export class MemoryStore implements WeightStore {
  readonly files = new Map<string, Kept>()
  readonly blocks = new Map<string, Uint8Array>()
  readonly partials = new Map<string, MemoryPartial>()
  readonly #repositories = new Map<string, StoredRepository>()
  /** Leaves that were written to partial files. */
  written = 0

  file = (sha: string) => this.files.get(sha)?.file
  fileByCid = (cid: string) => [...this.files.values()].find(({ file }) => file.cid === cid)?.file

  async partial(key: string, bytes: number): Promise<MemoryPartial> {
    const partial = this.partials.get(key) ?? new MemoryPartial(this, key, bytes)
    this.partials.set(key, partial)
    return partial
  }

  block = async (cid: string) => this.blocks.get(cid)
  hasBlock = (cid: string) => this.blocks.has(cid)
  putNode = (cid: string, bytes: Uint8Array) => void this.blocks.set(cid, bytes)
  digestsOf(cid: string, from = 0, count = Number.POSITIVE_INFINITY): Uint8Array {
    const leaves = [...this.files.values()].find(({ file }) => file.cid === cid)?.leaves ?? []
    return Buffer.concat(leaves.slice(from, from + count).map(leaf => leafDigest(leaf)!))
  }
  fileDag = async (bytes: number, digests: Uint8Array) => fileDag(digests, bytes)
  directoryOf = async (files: readonly RepositoryFile[]) => directoryCid(files)

  namesOf(cid: string): string[] {
    const holds = ({ file, leaves }: Kept) => file.cid === cid || leaves.includes(cid)
    return this.repositories()
      .filter(
        ({ cid: own, files }) => own === cid || files.some(({ sha256 }) => holds(this.files.get(sha256)!))
      )
      .map(({ name }) => name)
  }

  repositories = () => [...this.#repositories.values()]
  repository = (ref: string) => this.repositories().find(({ name, cid }) => name === ref || cid === ref)

  called = (name: string) => this.repositories().find(one => one.name.toLowerCase() === name.toLowerCase())
  /** Bytes that this store may still take. */
  room = Number.POSITIVE_INFINITY
  async checkRoom(bytes: number): Promise<void> {
    if (bytes > this.room) throw new LumosError('WEIGHTS_FULL', 'no room')
  }

  async add(repository: Repository, envelope: Uint8Array): Promise<StoredRepository> {
    if (repository.files.some(({ sha256 }) => !this.files.has(sha256))) throw invalid('files are missing')
    const stored = { ...repository, envelope, pinned: false, directory: `/models/${repository.name}` }
    this.put(stored)
    return stored
  }

  put(stored: StoredRepository): void {
    this.#repositories.set(stored.name, stored)
  }

  keep(bytes: Uint8Array): StoredFile {
    const { path: _, ...file } = fileOf('-', bytes)
    const leaves = leavesOfBytes(bytes)
    for (const leaf of leaves) this.blocks.set(cidOf(leaf), leaf)
    for (const node of fileDag(digestsOf(bytes), bytes.byteLength).nodes)
      this.blocks.set(node.cid, node.bytes)
    this.files.set(file.sha256, { file, bytes, leaves: leaves.map(cidOf) })
    return file
  }
}

export class MemoryPartial implements PartialFile {
  readonly bytes: number
  readonly leaves: number
  readonly #store: MemoryStore
  readonly #key: string
  readonly #written = new Map<number, Uint8Array>()

  constructor(store: MemoryStore, key: string, bytes: number) {
    this.#store = store
    this.#key = key
    this.bytes = bytes
    this.leaves = leavesIn(bytes)
  }

  get bytesHave(): number {
    return [...this.#written.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  has = (leaf: number) => this.#written.has(leaf)
  digest(leaf: number): Uint8Array | undefined {
    const bytes = this.#written.get(leaf)
    return bytes && sha256(bytes)
  }

  async write(leaf: number, bytes: Uint8Array, digest?: Uint8Array): Promise<void> {
    if (bytes.byteLength !== leafBytes(this.bytes, leaf)) throw invalid('a leaf has another length')
    if (digest !== undefined && !sha256(bytes).equals(digest)) throw invalid('a leaf has another hash')
    const kept = bytes.slice()
    this.#written.set(leaf, kept)
    this.#store.blocks.set(cidOf(kept), kept)
    this.#store.written++
  }

  read = async (leaf: number) => this.#written.get(leaf)!

  async finish(
    expected: { sha256?: string; cid?: string },
    { keep }: FinishOptions = {}
  ): Promise<StoredFile> {
    const bytes = Buffer.concat(Array.from({ length: this.leaves }, (_, leaf) => this.#written.get(leaf)!))
    const { sha256: sha, cid } = fileOf('-', bytes)
    if ((expected.sha256 ?? sha) !== sha || (expected.cid ?? cid) !== cid) {
      for (const leaf of this.#written.keys()) if (!keep?.has(leaf)) this.#written.delete(leaf)
      if (this.#written.size === 0) await this.discard()
      throw invalid('a file is another one')
    }
    await this.discard()
    return this.#store.keep(bytes)
  }

  async close(): Promise<void> {}
  async discard(): Promise<void> {
    this.#store.partials.delete(this.#key)
  }
}

const invalid = (why: string) => new LumosError('WEIGHTS_INVALID', why)
