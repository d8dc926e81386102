/**
 * A checkpoint takes the place of all envelopes up to its heads: an owner signs which snapshot each document had there.
 * Snapshots are cut into encrypted pieces that go by their hash, so a document that did not change keeps its pieces.
 */

import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { PeerIdText } from '../../interface/membership.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { sha256 } from './envelope.ts'
import { CHECKPOINT_BYTES_MAX, DOCS_MAX, WRITERS_MAX } from './limits.ts'
import { Bytes, bytesOf, Life } from './shapes.ts'
import { isSigned, keyOf, type SigningKey, signPayload } from './signed.ts'

const DOMAIN = 'lumos/memory/checkpoint/1'

/** Sums with them stay exact, and no writer that counts comes near. */
const Count = z
  .int()
  .min(1)
  .max(2 ** 48)

export const Checkpoint = z.object({
  space: bytesOf(16),
  number: Count,
  heads: z
    .array(
      z.object({
        device: PeerIdText,
        life: Life,
        seq: Count,
        hash: bytesOf(32),
        clock: Count
      })
    )
    .max(WRITERS_MAX),
  docs: z
    .array(z.object({ tag: bytesOf(16), epoch: z.int().min(1), pieces: z.array(bytesOf(32)).min(1) }))
    .max(DOCS_MAX),
  /** Hash of the readable content of the space, under the key of `epoch`. */
  epoch: z.int().min(1),
  sealed: Bytes,
  by: PeerIdText
})
export type Checkpoint = z.infer<typeof Checkpoint>

export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint
  readonly hash: Uint8Array
  readonly record: Uint8Array
}

const Wire = z.tuple([Bytes, bytesOf(64)])

export function sealCheckpoint(checkpoint: Checkpoint, key: SigningKey): SignedCheckpoint {
  const payload = encodeControl(checkpoint)
  const record = encodeControl([payload, signPayload(DOMAIN, payload, key)])
  return { checkpoint, hash: sha256(payload), record }
}

/** @throws {LumosError} `MEMORY_INVALID`, `MEMORY_FORGED`. Whether the signer may sign is not asked here. */
export function openCheckpoint(wire: Uint8Array): SignedCheckpoint {
  if (wire.byteLength > CHECKPOINT_BYTES_MAX) throw invalid(`is over ${CHECKPOINT_BYTES_MAX} bytes`)
  const record = new Uint8Array(wire)
  try {
    const [payload, signature] = decodeControl(Wire, record)
    const checkpoint = decodeControl(Checkpoint, payload)
    if (!isSigned(DOMAIN, payload, signature, keyOf(checkpoint.by)))
      throw new LumosError('MEMORY_FORGED', `The signature of ${checkpoint.by} on a checkpoint is wrong.`)
    return { checkpoint, hash: sha256(payload), record }
  } catch (cause) {
    if (cause instanceof LumosError && cause.code === 'MEMORY_FORGED') throw cause
    throw invalid((cause as Error).message, cause)
  }
}

const invalid = (what: string, cause?: unknown): LumosError =>
  new LumosError('MEMORY_INVALID', `A checkpoint is not as agreed: ${what}.`, { cause })
