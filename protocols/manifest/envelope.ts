/**
 * A manifest as bytes: DAG-CBOR in a libp2p signed envelope.
 *
 * The envelope's domain keeps the signature from being used for anything else
 * (RFC 0002: https://github.com/libp2p/specs/blob/master/RFC/0002-signed-envelopes.md).
 */

import { createHash } from 'node:crypto'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { type ErrorCode, LumosError } from '../../interface/errors.ts'
import { Manifest, type SignedManifest } from '../../interface/manifest.ts'
import { decodeControl, encodeControl } from '../control.ts'

/** 256 capabilities with the longest names take 55 KiB. */
export const MANIFEST_BYTES_MAX = 64 * 1024

const DOMAIN = 'lumos/manifest/v1'
/** The multicodec of DAG-CBOR. */
const PAYLOAD_TYPE = Uint8Array.of(0x71)

export async function sealManifest(manifest: Manifest, key: PrivateKey): Promise<SignedManifest> {
  const payload = encodeControl(manifest)
  const record = { domain: DOMAIN, codec: PAYLOAD_TYPE, marshal: () => payload, equals: () => false }
  const envelope = (await RecordEnvelope.seal(record, key)).marshal()
  if (envelope.byteLength > MANIFEST_BYTES_MAX) throw tooLarge(envelope.byteLength)
  return { manifest, envelope, hash: hashOf(payload) }
}

/**
 * @throws {LumosError} `MANIFEST_INVALID` when it is no manifest, `MANIFEST_FORGED` when the
 *   signature is wrong, made for another purpose, or by another key than the peer's it names.
 */
export async function openManifest(envelope: Uint8Array): Promise<SignedManifest> {
  if (envelope.byteLength > MANIFEST_BYTES_MAX) throw tooLarge(envelope.byteLength)

  const parsed = parse(envelope)
  const genuine = await parsed.validate(DOMAIN).catch(() => false)
  if (!genuine) throw refusal('MANIFEST_FORGED', 'The signature of a manifest is wrong.')
  if (!Buffer.from(PAYLOAD_TYPE).equals(parsed.payloadType)) {
    throw refusal('MANIFEST_INVALID', 'A manifest is not DAG-CBOR.')
  }

  const manifest = decode(parsed.payload)
  const signer = peerIdFromPublicKey(parsed.publicKey).toString()
  if (signer !== manifest.peerId) {
    throw refusal('MANIFEST_FORGED', `${signer} signed a manifest in the name of ${manifest.peerId}.`)
  }
  return { manifest, envelope, hash: hashOf(parsed.payload) }
}

function parse(envelope: Uint8Array): RecordEnvelope {
  try {
    return RecordEnvelope.createFromProtobuf(envelope)
  } catch (cause) {
    throw refusal('MANIFEST_INVALID', 'A manifest came in a broken envelope.', cause)
  }
}

function decode(payload: Uint8Array): Manifest {
  try {
    return decodeControl(Manifest, payload)
  } catch (cause) {
    throw refusal('MANIFEST_INVALID', `A manifest is malformed: ${(cause as Error).message}`, cause)
  }
}

const hashOf = (payload: Uint8Array): string => createHash('sha256').update(payload).digest('hex')

const refusal = (code: ErrorCode, message: string, cause?: unknown): LumosError =>
  new LumosError(code, message, { cause })

const tooLarge = (bytes: number): LumosError =>
  refusal('MANIFEST_INVALID', `A manifest of ${bytes} bytes is over the limit of ${MANIFEST_BYTES_MAX}.`)
