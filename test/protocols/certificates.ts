/** Certificates of libp2p's TLS handshake, right ones and wrong ones, member by member. */

import { type KeyObject, sign, X509Certificate } from 'node:crypto'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { ProtocolViolationError } from '../../interface/errors.ts'
import { LIBP2P_EXTENSION, SIGNED_PREFIX } from '../../protocols/transport/tls/certificate.ts'
import { DER, der } from '../../protocols/transport/tls/der.ts'

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
export const objectId = (text: string): Buffer => der(DER.objectId, hex(text))

const ECDSA_SHA256 = der(DER.sequence, objectId('2a8648ce3d040302'))
export const ED25519 = der(DER.sequence, objectId('2b6570'))
const NAME = der(
  DER.sequence,
  der(DER.set, der(DER.sequence, objectId('550403'), der(DER.utf8, Buffer.from('libp2p'))))
)
export const validity = (from: string, to: string): Buffer =>
  der(
    DER.sequence,
    ...[from, to].map(date => der(date.length > 13 ? DER.generalizedTime : DER.utcTime, Buffer.from(date)))
  )

/** In the order in which a certificate has them; each with tag and length. */
export interface Members {
  version: Buffer
  serial: Buffer
  algorithm: Buffer
  issuer: Buffer
  validity: Buffer
  subject: Buffer
  keyInfo: Buffer
  /** Unique ids, which a certificate must not have. */
  ids: Buffer
  extensions: Buffer
}

export const extensionsOf = (...extensions: readonly Buffer[]): Buffer =>
  der(DER.context3, der(DER.sequence, ...extensions))

export const extension = (id: Buffer, value: Buffer, critical = true): Buffer =>
  der(
    DER.sequence,
    id,
    critical ? der(DER.boolean, Uint8Array.of(0xff)) : Buffer.alloc(0),
    der(DER.octetString, value)
  )

export const keyInfoOf = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' })

/** The proof of `identity` that the key is its own, with `named` as the peer it claims to be of. */
export async function proof(identity: PrivateKey, keyInfo: Buffer, named = identity): Promise<Buffer> {
  const signature = await identity.sign(Buffer.concat([SIGNED_PREFIX, keyInfo]))
  return der(
    DER.sequence,
    der(DER.octetString, publicKeyToProtobuf(named.publicKey)),
    der(DER.octetString, signature)
  )
}

export const proofExtension = (value: Buffer, critical = true): Buffer =>
  extension(der(DER.objectId, LIBP2P_EXTENSION), value, critical)

export const membersOf = (keyInfo: Buffer, extensions: Buffer, wrong: Partial<Members> = {}): Members => ({
  version: hex('a003020102'),
  serial: hex('0201 11'),
  algorithm: ECDSA_SHA256,
  issuer: NAME,
  validity: validity('700101000000Z', '99991231235959Z'),
  subject: NAME,
  keyInfo,
  ids: Buffer.alloc(0),
  extensions,
  ...wrong
})

/** Signed with `key`, whatever the members are. */
export function issued(members: Members, key: KeyObject, hash: string | null = 'sha256'): Buffer {
  const toBeSigned = der(DER.sequence, ...Object.values<Buffer>({ ...members }))
  const signature = sign(hash, toBeSigned, key)
  return der(DER.sequence, toBeSigned, members.algorithm, der(DER.bitString, Uint8Array.of(0), signature))
}

/** As OpenSSL reads it in a handshake, where it refuses bytes that follow. */
export function certificateOf(bytes: Uint8Array): X509Certificate {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(bytes)
  } catch (cause) {
    throw new ProtocolViolationError('OpenSSL reads no certificate.', { cause })
  }
  if (!certificate.raw.equals(bytes)) throw new ProtocolViolationError('There is more than a certificate.')
  return certificate
}

/**
 * The serial number as `1f 02`, the long form of its tag, with other members inside. A reader that knows
 * no long tags takes `02` for its length, and goes on inside.
 */
export const hiddenInSerial = (inner: Buffer): Partial<Members> => {
  const content = Buffer.concat([hex('01 0500 0500 0500 0500'), inner])
  return { serial: Buffer.concat([hex('1f02'), Uint8Array.of(content.length), content]) }
}

/**
 * `[0]` as `bf 00`, and the length of its number in two bytes. A reader that knows no long tags takes the
 * number's last byte for a tag and the serial's tag for a length, and goes on inside the serial number.
 */
export const hiddenByVersion = (inner: Buffer): Partial<Members> => ({
  version: hex('bf00 04 02810102'),
  serial: der(DER.integer, hex('01 0500 0500 0500'), inner)
})
