/** The manifest of a repository as bytes, signed by the device that imported it. */

import type { PrivateKey } from '@libp2p/interface'
import { Repository } from '../../interface/weights.ts'
import { openRecord, type RecordKind, type Signed, sealRecord } from '../wire/signed-record.ts'
import { REPOSITORY_BYTES_MAX } from './codec.ts'

const REPOSITORY: RecordKind<typeof Repository> = {
  schema: Repository,
  domain: 'lumos/repository/v1',
  noun: 'A repository manifest',
  bytesMax: REPOSITORY_BYTES_MAX,
  invalid: 'WEIGHTS_INVALID',
  forged: 'WEIGHTS_INVALID'
}

export const sealRepository = (repository: Repository, key: PrivateKey): Promise<Signed<Repository>> =>
  sealRecord(REPOSITORY, repository, key)

/** @throws {LumosError} `WEIGHTS_INVALID` when it is no repository manifest, or its signature is wrong. */
export const openRepository = (bytes: Uint8Array): Promise<Signed<Repository>> =>
  openRecord(REPOSITORY, bytes)
