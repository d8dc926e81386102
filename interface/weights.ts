/**
 * Weights by content address: repositories of models, their files, and where these are in the mesh.
 *
 * A repository is a UnixFS directory and its CID is its identity: CIDv1, raw leaves of `LEAF_BYTES`, balanced, as
 * `ipfs add --cid-version=1 --chunker=size-1048576` makes it. Its name, and the SHA-256 of its files, lie outside of it.
 */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'
import { ModelId } from './names.ts'

export { LEAF_BYTES } from './limits.ts'

/** The largest repositories of today have a few hundred shards; a listing of more is an attack on memory. */
export const REPOSITORY_FILES_MAX = 4096
export const PATH_CHARS_MAX = 255
/** Ten times the largest open model of today. */
const FILE_BYTES_MAX = 16 * 1024 ** 4

/** In lower-case hex. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
/** A CIDv1 in base32. */
export const CidText = z.string().regex(/^b[a-z2-7]{10,120}$/)
/**
 * What has the form of an address is one: the whole CID of a block, or the SHA-256 of a file. A repository that was named so
 * would be taken for another one by those that ask for the content.
 */
const ADDRESS = /^(?:baf(?:ybei|krei)[a-z2-7]{52}|[0-9a-f]{64})$/i
/** A name is no address, so that what it means is never in question. */
export const RepositoryName = ModelId.refine(name => !ADDRESS.test(name), {
  error: 'a name must not have the form of a CID or SHA-256'
})
/** On Windows these are devices, in any folder and with any ending. */
const DEVICES = '(?:con|prn|aux|nul|com\\d|lpt\\d)(?:[. ]|/|$)'
const PART = `(?!\\.\\.?(?:/|$)|[ ]*${DEVICES})[\\w.+@()=, -]*[\\w+@()=-]`

/** Relative and plain, with `/` between its parts, the same on every platform. */
export const RepositoryPath = z
  .string()
  .max(PATH_CHARS_MAX)
  .regex(new RegExp(`^${PART}(?:/${PART})*$`, 'i'), {
    error: 'must be a plain relative path'
  })

export const RepositoryFile = z.strictObject({
  path: RepositoryPath,
  bytes: z.int().min(0).max(FILE_BYTES_MAX),
  sha256: Sha256,
  /** Of its UnixFS file, which is the leaf itself when there is only one. */
  cid: CidText
})
export type RepositoryFile = z.infer<typeof RepositoryFile>

export const Repository = z.strictObject({
  name: RepositoryName,
  /** Of the directory of all files. */
  cid: CidText,
  bytes: z.int().min(0),
  files: z.array(RepositoryFile).min(1).max(REPOSITORY_FILES_MAX)
})
export type Repository = z.infer<typeof Repository>

/** A peer that holds a repository, in whole or in part. */
export const Holder = z.strictObject({
  peerId: z.string(),
  name: z.string(),
  bytesHave: z.int().min(0),
  bytesTotal: z.int().min(0)
})
export type Holder = z.infer<typeof Holder>

/** Where the bytes of a repository came from: a PeerId, the host of an origin, or `disk` for what was there. */
export const WeightSource = z.strictObject({ from: z.string(), bytes: z.int().min(0) })
export type WeightSource = z.infer<typeof WeightSource>

/** What a pull ends with. */
export const Pulled = z.strictObject({
  model: ModelId,
  cid: CidText,
  bytes: z.int().min(0),
  sources: z.array(WeightSource)
})
export type Pulled = z.infer<typeof Pulled>

/** A repository of this device, as its owner sees it. */
export const WeightsInfo = z.strictObject({
  model: ModelId,
  cid: CidText,
  bytes: z.int(),
  files: z.int(),
  /** Never removed to make room. */
  pinned: z.boolean(),
  /** `checking`: it is hashed anew, and not served before that ends. `damaged`: fetch or import it again. */
  state: z.enum(['whole', 'checking', 'damaged']),
  /** How many devices are to hold it; null where no number is wanted. */
  copies: z.int().nullable(),
  /** Of its files, for engines. */
  directory: z.string()
})
export type WeightsInfo = z.infer<typeof WeightsInfo>

export const WeightsDetail = WeightsInfo.omit({ files: true }).extend({
  /** `problem`: what is wrong with the file here; null when nothing is known to be. */
  files: z.array(RepositoryFile.extend({ problem: z.string().nullable() }))
})
export type WeightsDetail = z.infer<typeof WeightsDetail>

/** A model that an origin found. */
export const FoundModel = z.strictObject({
  /** What `models pull` takes. */
  ref: z.string(),
  /** Its main task, in the words of the origin; null where it states none. */
  type: z.string().nullable(),
  downloads: z.int().nullable()
})
export type FoundModel = z.infer<typeof FoundModel>

/** What an import ends with. */
export const Imported = z.strictObject({ model: ModelId, cid: CidText, bytes: z.int(), files: z.int() })
export type Imported = z.infer<typeof Imported>

/** How much the answers of a model changed with its weights, on a set of inputs. */
export interface Loss {
  readonly inputs: number
  /** Of these, with a label that both could be right about. */
  readonly labelled: number
  readonly rightBefore: number
  readonly rightAfter: number
  /** Answers that say the same, as for two devices that are compared. */
  readonly same: number
  /** Of answers that are vectors, the mean of their cosines; else null. */
  readonly cosine: number | null
}

/** What a quantisation ends with. */
export interface Quantized extends Omit<Imported, 'files'> {
  readonly bytesBefore: number
  readonly tensors: number
  /** Null where no data was given. */
  readonly loss: Loss | null
}

/** More devices hold the same weights by being asked one by one. */
export const COPIES_MAX = 64
/** How many copies are wanted. */
export const Replicated = z.strictObject({
  model: ModelId,
  cid: CidText,
  copies: z.int().min(0).max(COPIES_MAX)
})
export type Replicated = z.infer<typeof Replicated>

/** What was removed, or would be. */
export const Collected = z.strictObject({ files: z.int(), nodes: z.int(), bytes: z.int() })
export type Collected = z.infer<typeof Collected>

export interface CollectOptions extends AbortOptions {
  /** Only say what would go. */
  readonly dryRun?: boolean
  /** Also what was left lately by work that was given up or failed; the caller knows that none is under way. */
  readonly unfinished?: boolean
}

export const DiskUse = z.strictObject({
  directory: z.string(),
  /** Of whole files, each counted once, and of files that are still to come, as far as they are there. */
  bytes: z.int(),
  partialBytes: z.int(),
  /** Of the files that no repository has: `gc` gives them back. */
  unusedBytes: z.int(),
  /** What the store may take; null where there is no limit but the disk. */
  maxBytes: z.int().nullable(),
  /** Of the disk. */
  freeBytes: z.int(),
  models: z.array(z.strictObject({ model: ModelId, bytes: z.int(), sharedBytes: z.int() }))
})
export type DiskUse = z.infer<typeof DiskUse>

export const Verified = z.strictObject({
  files: z.int(),
  bytes: z.int(),
  /** Files that are damaged or gone; they are not served until they are fetched or imported again. */
  problems: z.array(z.strictObject({ model: ModelId, path: z.string(), problem: z.string() }))
})
export type Verified = z.infer<typeof Verified>

export interface WeightsProgress extends AbortOptions {
  /** Called with the bytes that were read of those that are to be read. */
  onProgress?(done: number, total: number, message: string): void
}

/** Each that takes a name or CID throws {@link LumosError} `WEIGHTS_NOT_FOUND` where this device has no such repository. */
export interface Weights {
  list(): WeightsInfo[]
  show(ref: string): WeightsDetail
  /**
   * A file or folder becomes a repository, and the model is served. One of that name gives way.
   *
   * @param options.name by default that of the file or folder.
   * @throws {LumosError} `WEIGHTS_INVALID`, `WEIGHTS_FULL`
   */
  import(path: string, options?: WeightsProgress & { name?: string }): Promise<Imported>
  /** Copies its files into `path`, which must not be there, or be an empty folder. @throws {LumosError} `INVALID_INPUT` */
  export(ref: string, path: string, options?: WeightsProgress): Promise<{ path: string; bytes: number }>
  /**
   * With the files that no other repository has.
   *
   * @throws {LumosError} `INVALID_INPUT` for one that is pinned or in use, unless `force`.
   */
  remove(ref: string, options?: { force?: boolean }): Promise<WeightsInfo>
  pin(ref: string): WeightsInfo
  unpin(ref: string): WeightsInfo
  /** Removes what no repository refers to, and nothing that is pinned, in use or being written. */
  gc(options?: CollectOptions): Promise<Collected>
  du(): Promise<DiskUse>
  /** Hashes all files of one repository, or of all, anew. */
  verify(ref?: string, options?: WeightsProgress): Promise<Verified>
  /**
   * Devices of the mesh that hold it, in whole or in part, this one first. They are asked; those that do not answer are
   * left out.
   *
   * @param ref a name or CID, also of what this device has not. An empty list where no device has it.
   */
  where(ref: string, options?: AbortOptions): Promise<Holder[]>
  /**
   * The mesh is to have so many copies of it: devices with room fetch what is missing, and none is removed.
   *
   * @param copies 0 for no number.
   * @throws {LumosError} `DENIED` on a device that is neither admin nor member, `WEIGHTS_NOT_FOUND`, `INVALID_INPUT`
   */
  replicate(ref: string, copies: number, options?: AbortOptions): Promise<Replicated>
  /** How many copies of it are wanted; null where no number is. */
  copiesOf(ref: string): number | null
  /** Models of an origin by their names. @throws {LumosError} `ORIGIN_FAILED` */
  search(words: string, options?: AbortOptions & { limit?: number }): Promise<FoundModel[]>
}
