/**
 * Weights by content address: repositories of models, their files, and where these are in the mesh.
 *
 * A repository is a UnixFS directory and its CID is its identity: CIDv1, raw leaves of `LEAF_BYTES`, balanced, as
 * `ipfs add --cid-version=1 --chunker=size-1048576` makes it. Its name, and the SHA-256 of its files, lie outside of it.
 */

import * as z from 'zod'
import { ModelId } from './names.ts'

/** Of every leaf but the last of a file: the unit in which weights are hashed, asked for and resumed. */
export const LEAF_BYTES = 1024 * 1024
/** The largest repositories of today have a few hundred shards; a listing of more is an attack on memory. */
export const REPOSITORY_FILES_MAX = 4096
const PATH_CHARS_MAX = 255
/** Ten times the largest open model of today. */
const FILE_BYTES_MAX = 16 * 1024 ** 4

/** In lower-case hex. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
/** A CIDv1 in base32. */
export const CidText = z.string().regex(/^b[a-z2-7]{10,120}$/)
/** Relative and plain, with `/` between its parts, the same on every platform. */
export const RepositoryPath = z
  .string()
  .max(PATH_CHARS_MAX)
  .regex(/^(?!\.\.?(?:\/|$))[\w.+@()=, -]*[\w+@()=-](?:\/(?!\.\.?(?:\/|$))[\w.+@()=, -]*[\w+@()=-])*$/, {
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
  name: ModelId,
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
