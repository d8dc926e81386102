/**
 * `/lumos/memory/1`: a device that has spaces dials one that may know them. It offers, and sends what is wanted.
 *
 *     dialer   = offer {space, version, charter, digest, content}   what is here of a space; again when that matters
 *              | charters {space, charters}                         those that the listener lacks, the oldest first
 *              | checkpoint {space, …} · piece                      what stands for the oldest envelopes
 *              | envelopes {space, envelopes}                       what it lacks, what each depends on first
 *              | end {space}                                        that was all; what is new follows as it is written
 *              | none {space}                                       there is no such space for this listener
 *     listener = want {space, version, heads}                       from here on, until the stream ends
 *              | have {space, heads}                                since it was wanted: from whichever device
 *
 * The dialer sends no space that was not wanted. The listener reads on when it has written what came to disk, so more
 * than it can take waits in the window of the sender.
 */

import * as z from 'zod'
import { SpaceId } from '../../interface/memory.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'

/** Ids of the protocol, the newest first. */
export const MEMORY_PROTOCOL = ['/lumos/memory/1']
/** What gossip may say: some device has news of some space. */
export const MEMORY_TOPIC = 'memory'

export const FRAME = {
  /** Dialer. */
  offer: 1,
  charters: 2,
  envelopes: 3,
  end: 4,
  none: 5,
  checkpoint: 6,
  piece: 7,
  /** Listener. */
  want: 16,
  have: 17
} as const

/** A stream that replaces one whose end is still under way. */
export const MEMORY_STREAMS_INBOUND_MAX = 2
/** The largest envelope or charter, by the rules of the log. */
export const SEALED_BYTES_MAX = 256 * 1024
/** What frames add to it: names of fields, an id, and lengths. */
const FRAMING_BYTES_MAX = 4 * 1024
/** Frames of envelopes and charters. */
export const SEALED_FRAME_BYTES_MAX = SEALED_BYTES_MAX + FRAMING_BYTES_MAX
/** What is gathered into one frame: each is one commit of its listener. */
export const BATCH_BYTES = 64 * 1024
/** Small envelopes have about 300 bytes, and each costs the check of a signature before its listener reads on. */
const BATCH_ENVELOPES_MAX = 512
/** Writers of a space, in all their lives: as many heads are stated. Each takes some 100 bytes. */
export const HEADS_MAX = 1024
/** The largest `want`: all those heads. */
export const WANT_BYTES_MAX = 192 * 1024

const Hash = z
  .instanceof(Uint8Array)
  .refine(({ byteLength }) => byteLength === 32, { error: 'is no SHA-256' })
const Sealed = z
  .instanceof(Uint8Array)
  .refine(({ byteLength }) => byteLength > 0 && byteLength <= SEALED_BYTES_MAX, { error: 'has no such size' })

/** A PeerId is 52 characters, and one of an older form less. */
const Device = z.string().min(1).max(64)
const Life = z.string().regex(/^[0-9a-z]{1,24}$/)
const HeadTuple = z.tuple([Device, Life, z.int().min(1), Hash])
const Heads = z.array(HeadTuple).max(HEADS_MAX)

/** Up to where the chain of each writer goes. */
export interface StatedHead {
  readonly writer: { readonly device: string; readonly life: string }
  readonly seq: number
  readonly hash: Uint8Array
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
}

const OfferBody = z.strictObject({
  space: SpaceId,
  version: z.int().min(1),
  charter: Hash,
  digest: Hash,
  content: Hash.nullable()
})

const bytesOf = (hex: string): Uint8Array => Buffer.from(hex, 'hex')
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export const encodeOffer = ({ charter, digest, content, ...rest }: Offer): Uint8Array =>
  encodeControl({
    ...rest,
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

export const Charters = z.strictObject({ space: SpaceId, charters: z.array(Sealed).min(1).max(64) })
export const Envelopes = z.strictObject({
  space: SpaceId,
  envelopes: z.array(Sealed).min(1).max(BATCH_ENVELOPES_MAX)
})
export const OfSpace = z.strictObject({ space: SpaceId })

const WantBody = z.strictObject({ space: SpaceId, version: z.int().min(0), heads: Heads })
const HaveBody = z.strictObject({ space: SpaceId, heads: Heads })

export interface Want {
  readonly space: string
  /** Charters above this one are wanted. */
  readonly version: number
  readonly heads: readonly StatedHead[]
}
export type Have = Omit<Want, 'version'>

const tuplesOf = (heads: readonly StatedHead[]): [string, string, number, Uint8Array][] =>
  heads.map(({ writer: { device, life }, seq, hash }) => [device, life, seq, hash])
const headsOf = (tuples: z.output<typeof Heads>): StatedHead[] =>
  tuples.map(([device, life, seq, hash]) => ({ writer: { device, life }, seq, hash: new Uint8Array(hash) }))

export const encodeWant = ({ heads, ...rest }: Want): Uint8Array =>
  encodeControl({ ...rest, heads: tuplesOf(heads) })
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
export function* batches(sealed: readonly Uint8Array[], most = BATCH_ENVELOPES_MAX): Generator<Uint8Array[]> {
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
