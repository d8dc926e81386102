/** A place outside the mesh that models come from: what it lists, and what is asked of it. */

import { LumosError, type LumosErrorOptions } from '../../../interface/errors.ts'
import type { AbortOptions } from '../../../interface/lifecycle.ts'
import type { LeafSinkOptions, LeafTarget } from './leaf-sink.ts'

/** A file of an origin. What the listing says is a claim: `bytes` bounds what is read, and a hash decides. */
export interface OriginFile {
  /** Of the repository: plain and relative. */
  readonly path: string
  readonly bytes: number
  readonly url: string
  /** In lower-case hex, where the origin states it. */
  readonly sha256?: string
  /** Of the file as Git names it, where the origin states no other hash. */
  readonly gitSha1?: string
  /** A strong ETag, or a date, where the origin states no hash: another one is another file. */
  readonly version?: string
}

export interface Listing {
  /** The id of the model, unless the person gives another. */
  readonly name: string
  /** The commit or digest that the listing is of: the same one lists the same files. */
  readonly revision: string
  /** The host that the bytes are asked of, for people. */
  readonly host: string
  readonly files: readonly OriginFile[]
  /** How many files of the origin are not taken. */
  readonly leftOut: number
}

/** Of a repository with a description of ours: folders of runtimes (`onnx`, `rknn/rk3588`), and names of datasets. */
export interface RepositoryParts {
  readonly folders: readonly string[]
  readonly datasets: readonly string[]
}

export interface ListOptions extends AbortOptions {
  /** Every file, and not only what an engine opens. */
  readonly all?: boolean
  /** Of a repository with a `model_info.json`, these parts alone. */
  readonly parts?: RepositoryParts
}

export interface Origin {
  /** @throws {LumosError} `MODEL_NOT_FOUND`, `DENIED`, `WEIGHTS_INVALID` for a listing that lies, or `ORIGIN_FAILED`. */
  list(options?: ListOptions): Promise<Listing>
  /** What opens its files; sent to the host of the listing alone. */
  token?(): Promise<string | undefined>
  /** Where its files come by another way than HTTP: resolves when all leaves are there. */
  fetch?(target: LeafTarget, file: OriginFile, options: AbortOptions & LeafSinkOptions): Promise<void>
  close?(): Promise<void>
}

/** The origin is away, answers nonsense or breaks HTTP. */
export const originFailed = (what: string, options?: LumosErrorOptions): LumosError =>
  new LumosError('ORIGIN_FAILED', `${what}.`, options)

/** What the origin lists or sends is not what it may be. */
export const weightsInvalid = (what: string, options?: LumosErrorOptions): LumosError =>
  new LumosError('WEIGHTS_INVALID', `${what}.`, options)
