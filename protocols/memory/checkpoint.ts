/**
 * A checkpoint takes the place of all envelopes up to its heads: an owner signs which snapshot each document had there.
 * Snapshots are cut into encrypted pieces that go by their hash, so a document that did not change keeps its pieces.
 */

import * as z from 'zod'
import { PeerIdText } from '../../interface/membership.ts'
import { encodeControl } from '../wire/control.ts'
import { CHECKPOINT_BYTES_MAX, DOCS_MAX, WRITERS_MAX } from './limits.ts'
import { Bytes, bytesOf, Life } from './shapes.ts'
import type { SigningKey } from './signed.ts'
import { openPayload, type SignedPayload, sealPayload } from './signed-payload.ts'

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

export interface SignedCheckpoint extends SignedPayload {
  readonly checkpoint: Checkpoint
}

const KIND = { what: 'checkpoint', domain: DOMAIN, schema: Checkpoint, bytesMax: CHECKPOINT_BYTES_MAX }

export const sealCheckpoint = (checkpoint: Checkpoint, key: SigningKey): SignedCheckpoint => ({
  checkpoint,
  ...sealPayload(DOMAIN, encodeControl(checkpoint), key)
})

/** @throws {LumosError} as {@link openPayload}. */
export function openCheckpoint(wire: Uint8Array): SignedCheckpoint {
  const { value: checkpoint, ...signed } = openPayload(wire, KIND)
  return { checkpoint, ...signed }
}
