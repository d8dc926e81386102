/**
 * `/lumos/memory/1`: a device that has spaces dials one that may know them. It offers, and sends what is wanted.
 *
 *     dialer   = offer {space, version, charter, digest, …}          what is here of a space; again when that matters
 *              | charters {space, records, key, last}               those that the listener lacks, the oldest first
 *              | checkpoint {space, record}                         what stands for envelopes that are gone
 *              | pieces {space, pieces}                             of it, those that were needed
 *              | envelopes {space, envelopes}                       what it lacks, what each depends on first
 *              | end {space}                                        that was all; what is new follows as it is written
 *              | none {space}                                       there is no such space for this listener
 *     listener = want {space, version, checkpoint, heads}           from here on, until the stream ends
 *              | have {space, heads}                                since then: from whichever device
 *              | need {space, pieces}                               of the checkpoint, by their hashes
 *
 * The dialer sends nothing of a space that was not wanted. The listener reads on when it has written what came to disk,
 * so more than it can take waits in the window of the sender.
 */

import * as z from 'zod'
import { PeerIdText } from '../../interface/membership.ts'
import { SpaceId } from '../../interface/memory.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { CARRIED_KEYS_MAX, ENVELOPE_BYTES_MAX, WRITERS_MAX } from './limits.ts'
import { Bytes } from './shapes.ts'

/** Ids of the protocol, the newest first. */
export const MEMORY_PROTOCOL = ['/lumos/memory/1']

export const FRAME = {
  /** Dialer. */
  offer: 1,
  charters: 2,
  envelopes: 3,
  end: 4,
  none: 5,
  checkpoint: 6,
  pieces: 7,
  /** Listener. */
  want: 16,
  have: 17,
  need: 18
} as const

/** A stream that replaces one whose end is still under way. */
export const MEMORY_STREAMS_INBOUND_MAX = 2
/** What is gathered into one frame: each is one commit of its listener. */
export const BATCH_BYTES = 64 * 1024
/** Small envelopes have about 300 bytes, and each costs the check of a signature before its listener reads on. */
export const BATCH_ENVELOPES_MAX = 512
/** Each head takes some 100 bytes. */
export const WANT_BYTES_MAX = 192 * 1024
/** Of one question: the answer comes in as many frames. */
const PIECES_NEEDED_MAX = 64
/** Spaces that a peer may offer on one stream: as many as a node has. */
export const OFFERS_MAX = 1024
/** All charters of a space together: they are checked as one chain. */
export const CHARTER_CHAIN_BYTES_MAX = 8 * 1024 * 1024

const Hash = z
  .instanceof(Uint8Array)
  .refine(({ byteLength }) => byteLength === 32, { error: 'is no SHA-256' })
const Sealed = z
  .instanceof(Uint8Array)
  .refine(({ byteLength }) => byteLength > 0 && byteLength <= ENVELOPE_BYTES_MAX, {
    error: 'has no such size'
  })

const Life = z.string().regex(/^[0-9a-f]{12}$/)
const Heads = z.array(z.tuple([PeerIdText, Life, z.int().min(1), Hash])).max(WRITERS_MAX)

/** Up to where the chain of each writer goes. */
export interface StatedHead {
  readonly writer: { readonly device: string; readonly life: string }
  readonly seq: number
  readonly hash: Uint8Array
  /** Its writer signed this number twice, and nothing from here on counts. It is not sent. */
  readonly frozen?: boolean | undefined
}

/** What is here of a space. Hashes are in hex. */
export interface Offer {
  readonly space: string
  /** Of the newest charter, which counts from 1. */
  readonly version: number
  readonly charter: string
  /** Of all heads: equal where both sides have the same envelopes. */
  readonly digest: string
  /** Of the readable content at these heads, where it was reckoned. */
  readonly content: string | null
  /** Number of the newest checkpoint; 0 where there is none. */
  readonly checkpoint: number
}

const OfferBody = z.object({
  space: SpaceId,
  version: z.int().min(1),
  charter: Hash,
  digest: Hash,
  content: Hash.nullable(),
  checkpoint: z.int().min(0)
})

const bytesOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex')
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export const encodeOffer = ({ space, version, charter, digest, content, checkpoint }: Offer): Uint8Array =>
  encodeControl({
    ...{ space, version, checkpoint },
    charter: bytesOf(charter),
    digest: bytesOf(digest),
    content: content === null ? null : bytesOf(content)
  })

export function decodeOffer(body: Uint8Array): Offer {
  const { charter, digest, content, ...rest } = decodeControl(OfferBody, body)
  return {
    ...rest,
    charter: hexOf(charter),
    digest: hexOf(digest),
    content: content === null ? null : hexOf(content)
  }
}

/** A device, and the newest key of a space as it was sealed to that. */
export type CarriedKey = readonly [device: string, sealed: Uint8Array]
/** An ephemeral key, a nonce, the key and a tag. */
const SEALED_KEY_BYTES_MAX = 256

export const Charters = z.object({
  space: SpaceId,
  records: z.array(Sealed).max(BATCH_ENVELOPES_MAX),
  /** With the last of them: the key of the space for this listener. */
  key: Sealed.nullable(),
  /** With the last of them: that key, as readers have sealed it to this one, or to those for which the listener carries it. */
  keys: z
    .array(
      z.tuple([
        PeerIdText,
        Bytes.refine(({ length }) => length <= SEALED_KEY_BYTES_MAX, { error: 'is too long' })
      ])
    )
    .max(CARRIED_KEYS_MAX)
    .optional(),
  last: z.boolean()
})
export const CheckpointOf = z.object({ space: SpaceId, record: z.instanceof(Uint8Array) })
export const Pieces = z.object({
  space: SpaceId,
  pieces: z.array(Sealed).min(1).max(PIECES_NEEDED_MAX)
})
export const Need = z.object({ space: SpaceId, pieces: z.array(Hash).min(1).max(PIECES_NEEDED_MAX) })
export const Envelopes = z.object({
  space: SpaceId,
  envelopes: z.array(Sealed).min(1).max(BATCH_ENVELOPES_MAX)
})
export const OfSpace = z.object({ space: SpaceId })

const WantBody = z.object({
  space: SpaceId,
  version: z.int().min(0),
  checkpoint: z.int().min(0),
  heads: Heads
})
const HaveBody = z.object({ space: SpaceId, heads: Heads })

export interface Want {
  readonly space: string
  /** Charters above this one are wanted. */
  readonly version: number
  /** And the newest checkpoint, where that is above this one. */
  readonly checkpoint: number
  readonly heads: readonly StatedHead[]
}
export type Have = Pick<Want, 'space' | 'heads'>

const tuplesOf = (heads: readonly StatedHead[]): (readonly unknown[])[] =>
  heads.map(({ writer: { device, life }, seq, hash }) => [device, life, seq, hash])
const headsOf = (tuples: z.output<typeof Heads>): StatedHead[] =>
  tuples.map(([device, life, seq, hash]) => ({ writer: { device, life }, seq, hash: new Uint8Array(hash) }))

export const encodeWant = ({ space, version, checkpoint, heads }: Want): Uint8Array =>
  encodeControl({ space, version, checkpoint, heads: tuplesOf(heads) })
export const encodeHave = ({ heads, space }: Have): Uint8Array =>
  encodeControl({ space, heads: tuplesOf(heads) })

export function decodeWant(body: Uint8Array): Want {
  const { heads, ...rest } = decodeControl(WantBody, body)
  return { ...rest, heads: headsOf(heads) }
}

export function decodeHave(body: Uint8Array): Have {
  const { heads, space } = decodeControl(HaveBody, body)
  return { space, heads: headsOf(heads) }
}

/** Cuts what is sent into frames: as many as fit, and one that is larger alone. */
export function* batches(sealed: readonly Uint8Array[], most = PIECES_NEEDED_MAX): Generator<Uint8Array[]> {
  let batch: Uint8Array[] = []
  let bytes = 0
  for (const one of sealed) {
    if (batch.length > 0 && (bytes + one.byteLength > BATCH_BYTES || batch.length === most)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(one)
    bytes += one.byteLength
  }
  if (batch.length > 0) yield batch
}
