/**
 * The certificate of libp2p's TLS handshake: a throw-away key, and in an extension the
 * peer's own key with its signature over the throw-away one. Who a peer is follows from
 * that extension alone; names, serial numbers and authorities mean nothing.
 *
 * https://github.com/libp2p/specs/blob/master/tls/tls.md
 */

import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import { publicKeyFromProtobuf, publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PeerId, PrivateKey, PublicKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { ProtocolViolationError } from '../../interface/errors.ts'
import { DER, der, derValues } from './der.ts'

const SIGNED_PREFIX = Buffer.from('libp2p-tls-handshake:')
/** 1.3.6.1.4.1.53594.1.1 */
const LIBP2P_EXTENSION = Buffer.from('2b0601040183a25a0101', 'hex')
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
  const algorithm = der(DER.sequence, der(DER.objectId, ECDSA_WITH_SHA256))
  const name = der(
    DER.sequence,
    der(DER.set, der(DER.sequence, der(DER.objectId, COMMON_NAME), der(DER.utf8, Buffer.from('libp2p'))))
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

/**
 * Whose certificate this is.
 *
 * @throws {ProtocolViolationError} unless it proves that.
 */
export async function peerOfCertificate(raw: Buffer, nowMs: number): Promise<PeerId> {
  const certificate = parse(raw)
  if (certificate.validFromDate.getTime() > nowMs || certificate.validToDate.getTime() < nowMs) {
    throw refused('is not valid at this time')
  }
  if (!certificate.checkIssued(certificate) || !certificate.verify(certificate.publicKey)) {
    throw refused('is not signed by itself')
  }
  // The key is taken from the object that OpenSSL uses for the handshake, never from our own
  // reading of the bytes: two readers of one certificate can be made to see two keys.
  const publicKeyInfo = certificate.publicKey.export({ type: 'spki', format: 'der' })
  const { writtenKeyInfo, signedKey } = dissect(raw)
  if (!writtenKeyInfo.equals(publicKeyInfo)) throw refused('writes its key in two ways')
  const [key, signature, ...more] = derValues(derValues(signedKey)[0]?.content ?? EMPTY)
  if (key?.tag !== DER.octetString || signature?.tag !== DER.octetString || more.length > 0) {
    throw refused('has a malformed libp2p extension')
  }
  const { identity, peerId } = identityOf(key.content)
  if (!(await identity.verify(Buffer.concat([SIGNED_PREFIX, publicKeyInfo]), signature.content))) {
    throw refused('is not signed by the peer it names')
  }
  return peerId
}

function parse(raw: Buffer): X509Certificate {
  try {
    return new X509Certificate(raw)
  } catch (err) {
    throw refused('is malformed', err)
  }
}

function identityOf(protobuf: Buffer): { identity: PublicKey; peerId: PeerId } {
  try {
    const identity = publicKeyFromProtobuf(protobuf)
    return { identity, peerId: peerIdFromPublicKey(identity) }
  } catch (err) {
    throw refused('names no peer', err)
  }
}

/** The key of the certificate, as our own parser reads it, and the content of libp2p's extension. */
function dissect(raw: Buffer): { writtenKeyInfo: Buffer; signedKey: Buffer } {
  const toBeSigned = derValues(derValues(raw)[0]?.content ?? EMPTY)[0]
  const members = derValues(toBeSigned?.content ?? EMPTY)
  // The version is left out by the first, which have no extensions.
  const writtenKeyInfo = members[6]?.whole
  const extensions = members.find(({ tag }) => tag === DER.context3)
  if (writtenKeyInfo === undefined || extensions === undefined) throw refused('has no libp2p extension')

  let signedKey: Buffer | undefined
  for (const { content } of derValues(derValues(extensions.content)[0]?.content ?? EMPTY)) {
    const [id, ...rest] = derValues(content)
    const value = rest.at(-1)
    if (id?.content.equals(LIBP2P_EXTENSION)) signedKey ??= value?.content
    else if (rest[0]?.tag === DER.boolean && rest[0].content[0] !== 0) {
      throw refused('has a critical extension that is not known')
    }
  }
  if (signedKey === undefined) throw refused('has no libp2p extension')
  return { writtenKeyInfo, signedKey }
}

const refused = (what: string, cause?: unknown): ProtocolViolationError =>
  new ProtocolViolationError(`The certificate of the peer ${what}.`, { cause })

const EMPTY = Buffer.alloc(0)
