/**
 * Leaves of a file that is still being downloaded, as the device lists them that has them from the origin or its disk. Until the
 * file is whole nothing proves such a list; the signature says which device is wrong when the whole is.
 */

import * as z from 'zod'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { Sha256 } from '../../interface/weights.ts'
import { openRecord, type RecordKind, type Signed } from '../wire/signed-record.ts'

const DIGEST_BYTES = 32
/** Of 1 GiB of a file. */
export const LEAVES_PER_LIST = 1024
/** All digests, and what is around them. */
export const LEAF_LIST_BYTES_MAX = LEAVES_PER_LIST * DIGEST_BYTES + 1024

export const LeafList = z
  .object({
    /** Of the whole file, as the origin states it. */
    sha256: Sha256,
    bytes: z.int().min(1),
    first: z.int().min(0),
    /** The SHA-256 of leaves, one after the other, from the first on. */
    digests: z.instanceof(Uint8Array) as z.ZodType<Uint8Array>
  })
  .refine(({ bytes, first, digests: { byteLength } }) => {
    const leaves = byteLength / DIGEST_BYTES
    return (
      Number.isInteger(leaves) &&
      leaves >= 1 &&
      leaves <= LEAVES_PER_LIST &&
      first + leaves <= Math.ceil(bytes / LEAF_BYTES)
    )
  }, 'the list is longer than its file, or than a list may be')
export type LeafList = z.infer<typeof LeafList>

export const LEAF_LIST: RecordKind<typeof LeafList> = {
  schema: LeafList,
  domain: 'lumos/leaf-list/v1',
  noun: 'A list of leaves',
  bytesMax: LEAF_LIST_BYTES_MAX,
  invalid: 'WEIGHTS_INVALID',
  forged: 'WEIGHTS_INVALID'
}

/** @throws {LumosError} `WEIGHTS_INVALID` when it is no such list, or its signature is wrong. */
export const openLeafList = (envelope: Uint8Array): Promise<Signed<LeafList>> =>
  openRecord(LEAF_LIST, envelope)
