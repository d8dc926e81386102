/**
 * One write of one device to one document: a signed header, and a box that only the keys of the space open.
 *
 * The header holds the hash of the box, so a chain stays whole where the box of a forgotten document was dropped. It says
 * nothing of the content but a tag of its document, which needs a key of the space to be guessed.
 */

import { createHash } from 'node:crypto'
import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { ENVELOPE_BYTES_MAX, WRITERS_MAX } from './limits.ts'
import { Bytes, bytesOf } from './shapes.ts'
import { isSigned, keyOf, peerIdOf, type SigningKey, signPayload } from './signed.ts'

const DOMAIN = 'lumos/memory/envelope/1'

export interface EnvelopeHeader {
  /** The space's id in its 16 bytes. */
  readonly space: Uint8Array
  /** PeerId of the writer, and which life of it. */
  readonly device: string
  readonly life: string
  /** Counts from 1. */
  readonly seq: number
  /** Hash of the writer's envelope before this one; 32 zeros for the first. */
  readonly prev: Uint8Array
  /** Heads of other writers that this one had seen, those only that it had not seen at its envelope before. */
  readonly after: readonly { readonly device: string; readonly life: string; readonly seq: number }[]
  /** One more than the largest of `prev` and `after`. Stated so that it can be read alone; each device checks it. */
  readonly clock: number
  /** Which key of the space opens the box. */
  readonly epoch: number
  /** Of the document: 16 bytes that the name and kind give with the first key of the space. */
  readonly tag: Uint8Array
  /** SHA-256 of the box. */
  readonly boxHash: Uint8Array
}

export interface Envelope extends EnvelopeHeader {
  /** SHA-256 of the header's bytes: what the next envelope chains to. */
  readonly hash: Uint8Array
  /** The header's bytes and their signature: what is kept when the box is dropped. */
  readonly head: Uint8Array
  readonly signature: Uint8Array
  /** None where the document was forgotten. */
  readonly box: Uint8Array | null
}

const Key = bytesOf(32)
const LifeBytes = bytesOf(6)
const Hash = bytesOf(32)
const Count = z.int().min(1)

const Header = z.tuple([
  bytesOf(16),
  Key,
  LifeBytes,
  Count,
  Hash,
  z.array(z.tuple([Key, LifeBytes, Count])).max(WRITERS_MAX),
  Count,
  Count,
  bytesOf(16),
  Hash
])
const Wire = z.tuple([Bytes, bytesOf(64), Bytes.nullable()])

export function sealEnvelope(
  header: Omit<EnvelopeHeader, 'boxHash'>,
  box: Uint8Array,
  key: SigningKey
): Envelope {
  const full = { ...header, boxHash: sha256(box) }
  const { space, device, life, seq, prev, after, clock, epoch, tag, boxHash } = full
  const others = after.map(other => [keyOf(other.device), lifeBytes(other.life), other.seq])
  const head = encodeControl([
    ...[space, keyOf(device), lifeBytes(life), seq, prev, others],
    ...[clock, epoch, tag, boxHash]
  ])
  const signature = signPayload(DOMAIN, head, key)
  return { ...full, hash: sha256(head), head, signature, box }
}

export const encodeEnvelope = ({
  head,
  signature,
  box
}: Pick<Envelope, 'head' | 'signature' | 'box'>): Uint8Array => encodeControl([head, signature, box])

/**
 * Its form only: the signature is checked by {@link checkSignature}, once it is known that the envelope is of use.
 *
 * @throws {LumosError} `MEMORY_INVALID`.
 */
export function openEnvelope(wire: Uint8Array): Envelope {
  if (wire.byteLength > ENVELOPE_BYTES_MAX)
    throw invalid(`is ${wire.byteLength} bytes long, over ${ENVELOPE_BYTES_MAX}`)
  try {
    // What comes from a peer may be a slice of a pool, which would stay in memory with it.
    const [head, signature, box] = decodeControl(Wire, new Uint8Array(wire))
    const header = openHeader(head)
    if (box !== null && !equal(sha256(box), header.boxHash)) throw new Error('its box is another one')
    return { ...header, hash: sha256(head), head, signature, box }
  } catch (cause) {
    throw invalid((cause as Error).message, cause)
  }
}

export function openHeader(head: Uint8Array): EnvelopeHeader {
  const [space, device, life, seq, prev, others, clock, epoch, tag, boxHash] = decodeControl(Header, head)
  const after = others.map(([device, life, seq]) => ({ device: peerIdOf(device), life: lifeText(life), seq }))
  return {
    space,
    device: peerIdOf(device),
    life: lifeText(life),
    seq,
    prev,
    after,
    clock,
    epoch,
    tag,
    boxHash
  }
}

/** @throws {LumosError} `MEMORY_FORGED`. */
export function checkSignature({ head, signature, device }: Envelope): void {
  if (isSigned(DOMAIN, head, signature, keyOf(device))) return
  throw new LumosError('MEMORY_FORGED', `The signature of an envelope of ${device} is wrong.`)
}

export const sha256 = (...parts: readonly (Uint8Array | string)[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

export const equal = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0
export const lifeBytes = (life: string): Uint8Array => new Uint8Array(Buffer.from(life, 'hex'))
const lifeText = (life: Uint8Array): string => Buffer.from(life).toString('hex')

const invalid = (what: string, cause?: unknown): LumosError =>
  new LumosError('MEMORY_INVALID', `An envelope is not as agreed: ${what}.`, { cause })
