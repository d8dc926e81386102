/**
 * The certificate of libp2p's TLS handshake: a throw-away key, and in an extension the
 * peer's own key with its signature over the throw-away one. Who a peer is follows from
 * that extension alone; names, serial numbers and authorities mean nothing.
 *
 * https://github.com/libp2p/specs/blob/master/tls/tls.md
 */

import { generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { DER, der } from './der.ts'

export const SIGNED_PREFIX = Buffer.from('libp2p-tls-handshake:')
/** 1.3.6.1.4.1.53594.1.1 */
export const LIBP2P_EXTENSION = Buffer.from('2b0601040183a25a0101', 'hex')
/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = Buffer.from('2a8648ce3d040302', 'hex')
/** 2.5.4.3 */
const COMMON_NAME = Buffer.from('550403', 'hex')
/** A device whose clock is off can still talk: the certificate was made for one run, so its dates say nothing. */
const NOT_BEFORE = '700101000000Z'
const NOT_AFTER = '99991231235959Z'

export interface Certificate {
  /** Both in PEM. */
  readonly key: string
  readonly cert: string
}

export async function createCertificate(identity: PrivateKey): Promise<Certificate> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const publicKeyInfo = publicKey.export({ type: 'spki', format: 'der' })
  const signature = await identity.sign(Buffer.concat([SIGNED_PREFIX, publicKeyInfo]))

  const signedKey = der(
    DER.sequence,
    der(DER.octetString, publicKeyToProtobuf(identity.publicKey)),
    der(DER.octetString, signature)
  )
  const extension = der(
    DER.sequence,
    der(DER.objectId, LIBP2P_EXTENSION),
    der(DER.boolean, Uint8Array.of(0xff)),
    der(DER.octetString, signedKey)
  )
  return selfSigned(privateKey, publicKeyInfo, 'libp2p', extension)
}

/** A certificate of a key, by that key. */
export function selfSigned(
  privateKey: KeyObject,
  publicKeyInfo: Buffer,
  commonName: string,
  extension: Buffer
): Certificate {
  const algorithm = der(DER.sequence, der(DER.objectId, ECDSA_WITH_SHA256))
  const name = der(
    DER.sequence,
    der(DER.set, der(DER.sequence, der(DER.objectId, COMMON_NAME), der(DER.utf8, Buffer.from(commonName))))
  )
  // A first byte of 1 keeps the number positive and in its shortest form.
  const serialNumber = der(DER.integer, Uint8Array.of(1), randomBytes(15))
  const toBeSigned = der(
    DER.sequence,
    der(DER.context0, der(DER.integer, Uint8Array.of(2))),
    serialNumber,
    algorithm,
    name,
    der(
      DER.sequence,
      der(DER.utcTime, Buffer.from(NOT_BEFORE)),
      der(DER.generalizedTime, Buffer.from(NOT_AFTER))
    ),
    name,
    publicKeyInfo,
    der(DER.context3, der(DER.sequence, extension))
  )
  const certificate = der(
    DER.sequence,
    toBeSigned,
    algorithm,
    der(DER.bitString, Uint8Array.of(0), sign('sha256', toBeSigned, privateKey))
  )
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: new X509Certificate(certificate).toString()
  }
}
