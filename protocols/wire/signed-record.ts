/**
 * What a peer signs: DAG-CBOR in a libp2p signed envelope.
 *
 * The envelope's domain keeps a signature from being used for anything else
 * (RFC 0002: https://github.com/libp2p/specs/blob/master/RFC/0002-signed-envelopes.md).
 */

import { createHash } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import type * as z from 'zod'
import { type ErrorCode, LumosError } from '../../interface/errors.ts'
import { decodeControl, encodeControl } from './control.ts'

/** One kind of record, and what it means when one is wrong. */
export interface RecordKind<S extends z.ZodType> {
  readonly schema: S
  readonly domain: string
  /** In people's words: "a manifest". */
  readonly noun: string
  readonly bytesMax: number
  readonly invalid: ErrorCode
  readonly forged: ErrorCode
}

/** A record whose signature was checked. */
export interface Signed<T> {
  readonly value: T
  /** PeerId of the signer. */
  readonly signer: string
  /** The bytes that prove it to others. */
  readonly envelope: Uint8Array
  /** SHA-256 of the record's own bytes, hex: two contents show by it. */
  readonly hash: string
}

/** The multicodec of DAG-CBOR. */
const PAYLOAD_TYPE = Uint8Array.of(0x71)

export async function sealRecord<S extends z.ZodType>(
  kind: RecordKind<S>,
  value: z.output<S>,
  key: PrivateKey
): Promise<Signed<z.output<S>>> {
  const payload = encodeControl(value)
  const record = { domain: kind.domain, codec: PAYLOAD_TYPE, marshal: () => payload, equals: () => false }
  const envelope = (await RecordEnvelope.seal(record, key)).marshal()
  checkSize(kind, envelope)
  return { value, signer: peerIdFromPublicKey(key.publicKey).toString(), envelope, hash: hashOf(payload) }
}

/**
 * @throws {LumosError} the kind's `invalid` code when it is no such record, its `forged` code when the
 *   signature is wrong or was made for another purpose.
 */
export async function openRecord<S extends z.ZodType>(
  kind: RecordKind<S>,
  bytes: Uint8Array
): Promise<Signed<z.output<S>>> {
  checkSize(kind, bytes)
  // Records are kept for long, and what comes from a peer is a slice of Node's pool, all 64 KiB of which
  // would stay with it.
  const envelope = new Uint8Array(bytes)
  const parsed = attempt(kind, 'came in a broken envelope', () => RecordEnvelope.createFromProtobuf(envelope))
  // One signature, one envelope: else copies that differ in nothing would pass as new.
  if (!Buffer.from(parsed.marshal()).equals(envelope)) {
    throw new LumosError(kind.invalid, `${kind.noun} came in an envelope of another form.`)
  }
  const genuine = await parsed.validate(kind.domain).catch(() => false)
  if (!genuine) throw new LumosError(kind.forged, `The signature of ${kind.noun} is wrong.`)
  if (!Buffer.from(PAYLOAD_TYPE).equals(parsed.payloadType)) {
    throw new LumosError(kind.invalid, `${kind.noun} is not DAG-CBOR.`)
  }
  const value = attempt(kind, 'is malformed', () => decodeControl(kind.schema, parsed.payload))
  const signer = peerIdFromPublicKey(parsed.publicKey).toString()
  return { value, signer, envelope, hash: hashOf(parsed.payload) }
}

function checkSize(kind: RecordKind<z.ZodType>, { byteLength }: Uint8Array): void {
  if (byteLength <= kind.bytesMax) return
  throw new LumosError(
    kind.invalid,
    `${kind.noun} of ${byteLength} bytes is over the limit of ${kind.bytesMax}.`
  )
}

function attempt<T>(kind: RecordKind<z.ZodType>, what: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw new LumosError(kind.invalid, `${kind.noun} ${what}: ${(cause as Error).message}`, { cause })
  }
}

const hashOf = (payload: Uint8Array): string => createHash('sha256').update(payload).digest('hex')
