/** The manifest of a repository as bytes: what a CID is called, and the SHA-256 of its files, signed by the device that imported it. */

import type * as z from 'zod'
import { Repository } from '../../interface/weights.ts'
import { openRecord, type RecordKind, type Signed } from '../wire/signed-record.ts'

/** 4,096 files with paths of 60 characters; what encodes a record writes no more. */
export const REPOSITORY_MANIFEST_BYTES_MAX = 1024 * 1024

export const REPOSITORY_MANIFEST: RecordKind<typeof Repository> = {
  schema: Repository,
  domain: 'lumos/repository/v1',
  noun: 'A repository manifest',
  bytesMax: REPOSITORY_MANIFEST_BYTES_MAX,
  invalid: 'WEIGHTS_INVALID',
  forged: 'WEIGHTS_INVALID'
}

/** @throws {LumosError} `WEIGHTS_INVALID` when it is no such manifest, or its signature is wrong. */
export const openRepositoryManifest = (bytes: Uint8Array): Promise<Signed<z.output<typeof Repository>>> =>
  openRecord(REPOSITORY_MANIFEST, bytes)
