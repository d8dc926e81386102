/**
 * `/lumos/blocks/1`: the dialer asks, and the listener answers in the order of the questions.
 *
 *     question = find {ref} | leaves {file, from} | have {file, from} | block {cid} | coming {sha256, …}
 *     answer   = found {bytes, …} and pieces of that many bytes | missing | refused {error}
 *
 * A dialer may ask on before the answers come. The listener reads a question only when it has room for the answer, so
 * questions without number wait in the window of their sender.
 */

import * as z from 'zod'
import { LEAF_BYTES } from '../../interface/limits.ts'
import { ModelId } from '../../interface/names.ts'
import { Sha256 } from '../../interface/weights.ts'
import { LEAF_LIST_BYTES_MAX } from '../weights/leaf-list.ts'

/** Ids of the protocol, the newest first: both sides offer all of them, and libp2p takes the first that both know. */
export const BLOCKS_PROTOCOL = ['/lumos/blocks/1']

export const FRAME = {
  /** Dialer: which repository is called so, or holds this. */
  find: 1,
  /** Dialer: the SHA-256 of the leaves of a file, from one on. */
  leaves: 2,
  /** Dialer: which leaves of a file are there, from one on. */
  have: 3,
  /** Dialer: the bytes of a block. */
  block: 4,
  /** Dialer: what it does for a file that both download, and what the listener does and has. */
  coming: 5,
  /** Listener: how many bytes follow. */
  found: 16,
  /** Listener: some of them, raw. */
  piece: 17,
  /** Listener: it is not here, or not for this peer. */
  missing: 18,
  /** Listener: no more questions are answered on this stream, and why. */
  refused: 19
} as const

/** The largest block: a leaf. An inner node has 1,024 links at most, of some 50 bytes each. */
export const BLOCK_BYTES_MAX = LEAF_BYTES
/** Frames of calls on the same connection come between two of these; each costs a promise on both sides. */
export const PIECE_BYTES = 64 * 1024
/** Of SHA-256. */
export const DIGEST_BYTES = 32
/** What one answer lists: 32 GiB of a file. */
export const LEAVES_PER_ANSWER = BLOCK_BYTES_MAX / DIGEST_BYTES
/** What one bitmap covers: 64 GiB of a file, in 8 KiB. */
export const LEAVES_PER_BITMAP = 64 * 1024
/** Streams that one connection may have open: a transfer, and look-ups beside it. */
export const BLOCKS_STREAMS_INBOUND_MAX = 8

/** CIDv1 of SHA-256 over raw bytes or DAG-PB, in the one text that base32 has for it. No other hash function is read. */
const BlockCid = z
  .string()
  .regex(/^baf(?:kre|ybe)i[a-h][a-z2-7]{50}[aeimquy4]$/, 'expected a CIDv1 of SHA-256, raw or dag-pb')

/** By its name, its CID, or the SHA-256 of one of its files: the texts of all three are model ids. */
export const Find = z.object({ ref: ModelId })
export const OfFile = z.object({ file: BlockCid, from: z.int().min(0) })
export const OfBlock = z.object({ cid: BlockCid })

/** Of a file that devices download together: its lists of leaves and its bitmap stay within an answer. 256 GiB. */
export const SHARED_LEAVES_MAX = 256 * 1024
/** Signed lists of leaves in one answer: each is checked by its reader. */
export const LISTS_PER_ANSWER = 16
/** As `leaf-list.ts` bounds each of them, the bitmap, and what is stated. */
export const SHARE_BYTES_MAX = LISTS_PER_ANSWER * LEAF_LIST_BYTES_MAX + SHARED_LEAVES_MAX / 8 + 4096

/** Of a link, as a power of two of bytes a second; 0 where it was never measured. */
const STRENGTH_MAX = 63

/** What a device does for a file that it downloads together with others. */
export const Stated = z.object({
  /**
   * `asks`: it looks for devices that download the file. `claims`: it downloads it from the origin. `follows`: it takes leaves
   * from the device that does. `has`: it has all of it.
   */
  stage: z.enum(['asks', 'claims', 'follows', 'has']),
  /** Whether it may download from the origin, as far as it knows. */
  able: z.boolean(),
  strength: z.int().min(0).max(STRENGTH_MAX)
})
export type Stated = z.infer<typeof Stated>

export const OfComing = z.object({
  sha256: Sha256,
  bytes: z.int().min(0),
  ...Stated.shape,
  /** How many lists of this round of the listener the dialer has. */
  round: z.int().min(0),
  since: z.int().min(0)
})
export type OfComing = z.infer<typeof OfComing>

const Bytes = z.instanceof(Uint8Array) as z.ZodType<Uint8Array>

export const Share = z.object({
  ...Stated.shape,
  round: z.int().min(0),
  /** A bit for each leaf that is there, the lowest first. */
  have: Bytes.refine(({ byteLength }) => byteLength <= SHARED_LEAVES_MAX / 8),
  /** Leaf lists in their envelopes, from `since` on. */
  lists: z.array(Bytes).max(LISTS_PER_ANSWER)
})
export type Share = z.infer<typeof Share>

export const Found = z.object({
  bytes: z.int().min(0),
  /** Of a repository: how much of it is here. */
  bytesHave: z.int().min(0).optional(),
  bytesTotal: z.int().min(0).optional()
})
export type Found = z.infer<typeof Found>

/** A repository as a peer states it. Nothing of it is verified. */
export interface FoundRepository {
  readonly envelope: Uint8Array
  readonly bytesHave: number
  readonly bytesTotal: number
}
