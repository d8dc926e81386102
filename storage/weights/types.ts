/** What the store of weights gives to transfers and origins. Files and blocks are on disk when a call that keeps them returns. */

import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { Repository, RepositoryFile } from '../../interface/weights.ts'

/** A whole file that the store has: its name in a repository is no part of it. */
export type StoredFile = Omit<RepositoryFile, 'path'>

/** A repository whose files the store has. */
export interface StoredRepository extends Repository {
  /** Signed by the device that imported it: a repository manifest in a libp2p envelope. */
  readonly envelope: Uint8Array
  /** Never removed to make room. */
  readonly pinned: boolean
  /** Of its files, for engines: hard links in a directory named after it. */
  readonly directory: string
}

export interface FinishOptions extends AbortOptions {
  /** Leaves that stay for the next partial of the key where the whole is wrong, although they may be what is wrong with it. */
  readonly keep?: ReadonlySet<number>
}

/**
 * A file that is still to come, leaf by leaf, in any order. What was written outlives the process: the next `partial` of
 * the same key has it, hashed anew, so that nothing that was damaged meanwhile counts.
 */
export interface PartialFile {
  readonly bytes: number
  /** How many leaves the file has; an empty file has one, of no bytes. */
  readonly leaves: number
  readonly bytesHave: number
  has(leaf: number): boolean
  /** The SHA-256 of a leaf that is there. */
  digest(leaf: number): Uint8Array | undefined
  /** @throws {LumosError} `WEIGHTS_INVALID` where the leaf has another length or another SHA-256 than `digest`; nothing is kept then. */
  write(leaf: number, bytes: Uint8Array, digest?: Uint8Array): Promise<void>
  read(leaf: number): Promise<Uint8Array>
  /**
   * All leaves are there: the file becomes one of the store, and the partial is no more.
   *
   * @throws {LumosError} `WEIGHTS_INVALID` where the whole has another SHA-256 or CID than is expected; the partial is
   *   removed then, but for the leaves that are to stay.
   */
  finish(expected: { sha256?: string; cid?: string }, options?: FinishOptions): Promise<StoredFile>
  /** The file is left for later. */
  close(): Promise<void>
  discard(): Promise<void>
}

export interface FileDag {
  readonly cid: string
  /** None for a file of one leaf, which is that leaf. */
  readonly nodes: readonly { readonly cid: string; readonly bytes: Uint8Array }[]
}

export interface WeightStore {
  /** By SHA-256 in hex. */
  file(sha256: string): StoredFile | undefined
  fileByCid(cid: string): StoredFile | undefined
  /**
   * A file that is still to come; one caller at a time has the partial of a key, and the next one waits.
   * A file of the store that is damaged is where the partial of its SHA-256 or CID begins.
   *
   * @param key names the content: its SHA-256 in hex, its CID, or a hash of an origin's URL and version.
   * @throws {LumosError} `WEIGHTS_FULL` where the disk or the quota has no room for what is still to come.
   */
  partial(key: string, bytes: number, options?: AbortOptions): Promise<PartialFile>
  /**
   * A block of the DAG of a file or a repository: an inner node, or a leaf, which is a range of a whole or partial file.
   *
   * @param into of `LEAF_BYTES`: where a leaf of a whole file is read to.
   */
  block(cid: string, into?: Uint8Array): Promise<Uint8Array | undefined>
  hasBlock(cid: string): boolean
  /** An inner node that belongs to what is being fetched; its bytes were checked against the CID. */
  putNode(cid: string, bytes: Uint8Array): void
  /**
   * The SHA-256 of leaves of a whole file, one after the other; all from `from` on by default. Asked by peers, so that its
   * price does not depend on how many leaves there are besides.
   */
  digestsOf(fileCid: string, from?: number, count?: number): Uint8Array
  /**
   * The DAG of a file above leaves of these SHA-256, one after the other: its CID, which proves them, and its inner nodes.
   */
  fileDag(bytes: number, digests: Uint8Array, options?: AbortOptions): Promise<FileDag>
  /** The names of the repositories that hold a block, so that its reader can be asked whether it may. */
  namesOf(cid: string): readonly string[]
  /** The CID of a directory of these files, with its node stored. */
  directoryOf(files: readonly RepositoryFile[], options?: AbortOptions): Promise<string>

  repositories(): readonly StoredRepository[]
  /** By name or CID. */
  repository(ref: string): StoredRepository | undefined
  /** What has this name here, in whatever case, and whole or not. */
  called(name: string): Pick<Repository, 'name' | 'cid'> | undefined
  /**
   * @param keys of the files that they are for: what is there of one needs no room.
   * @throws {LumosError} `WEIGHTS_FULL` where the disk or the quota has no room for so many bytes.
   */
  checkRoom(bytes: number, keys: readonly string[]): Promise<void>
  /**
   * All its files are in the store. The engines find it in its directory from now on. Another one of this name gives way.
   *
   * @throws {LumosError} `WEIGHTS_INVALID`
   */
  add(repository: Repository, envelope: Uint8Array, options?: AbortOptions): Promise<StoredRepository>
}
