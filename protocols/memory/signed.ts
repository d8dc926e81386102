/**
 * What devices sign for memory: a payload of DAG-CBOR under a domain, as libp2p's signed envelopes do it
 * (RFC 0002: https://github.com/libp2p/specs/blob/master/RFC/0002-signed-envelopes.md).
 *
 * Signing and checking do not wait: the thread of memory checks thousands in a row. The signer is stated in the payload as
 * its raw key, which a PeerId of Ed25519 is nothing else than.
 */

import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { base58btc } from 'multiformats/bases/base58'

/** An Ed25519 PeerId: identity multihash of a protobuf with the type of the key. */
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
const KEY_BYTES = 32
/** The multicodec of DAG-CBOR. */
const PAYLOAD_TYPE = Uint8Array.of(0x71)
const SIGNATURE_BYTES = 64

export const peerIdOf = (key: Uint8Array): string =>
  base58btc.baseEncode(Buffer.concat([PEER_ID_PREFIX, key]))

/** Of a PeerId that was checked to be one (`PeerIdText`). */
export function keyOf(peerId: string): Uint8Array {
  const bytes = base58btc.baseDecode(peerId)
  if (bytes.length !== PEER_ID_PREFIX.length + KEY_BYTES) throw new Error(`${peerId} is no Ed25519 PeerId.`)
  return bytes.subarray(PEER_ID_PREFIX.length)
}

/** A device's own key: the seed of 32 bytes, and what signs with it. */
export interface SigningKey {
  readonly seed: Uint8Array
  readonly publicKey: Uint8Array
  readonly peerId: string
  readonly key: KeyObject
}

export function signingKey(seed: Uint8Array): SigningKey {
  // Node derives the public half from a PKCS #8 key, which for Ed25519 is this prefix and the seed.
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const { x } = createPublicKey(key).export({ format: 'jwk' })
  const publicKey = new Uint8Array(Buffer.from(x!, 'base64url'))
  return { seed, publicKey, peerId: peerIdOf(publicKey), key }
}

export const signPayload = (domain: string, payload: Uint8Array, { key }: SigningKey): Uint8Array =>
  new Uint8Array(sign(null, signedBytes(domain, payload), key))

export function isSigned(
  domain: string,
  payload: Uint8Array,
  signature: Uint8Array,
  signer: Uint8Array
): boolean {
  if (signer.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  return verify(null, signedBytes(domain, payload), publicKeyOf(signer), signature)
}

/** Making a key object costs as much as using it once; a space has few writers. */
const KNOWN_KEYS_MAX = 256
const known = new Map<string, KeyObject>()

function publicKeyOf(key: Uint8Array): KeyObject {
  const x = Buffer.from(key).toString('base64url')
  const found = known.get(x)
  if (found !== undefined) return found
  if (known.size >= KNOWN_KEYS_MAX) known.clear()
  const made = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  known.set(x, made)
  return made
}

/** Each part with its length before it, so that no two splits of the same bytes are signed alike. */
function signedBytes(domain: string, payload: Uint8Array): Uint8Array {
  const parts = [Buffer.from(domain), PAYLOAD_TYPE, payload]
  return Buffer.concat(parts.flatMap(part => [varint(part.length), part]))
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Uint8Array.from([...bytes, rest])
    bytes.push((rest & 0x7f) | 0x80)
  }
}
