/**
 * Which peer a certificate of libp2p's TLS handshake proves, by the rules of its specification
 * (see `certificate.ts`).
 *
 * OpenSSL decides with which key the handshake is done, so the signature of the named peer is
 * checked over the key of OpenSSL's own object. This file's reading of the bytes chooses nothing
 * but the extension and refuses what has no single reading.
 */

import type { KeyObject, X509Certificate } from 'node:crypto'
import { publicKeyFromProtobuf } from '@libp2p/crypto/keys'
import type { PeerId, PublicKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { ProtocolViolationError } from '../../../interface/errors.ts'
import { LIBP2P_EXTENSION, SIGNED_PREFIX } from './certificate.ts'
import { DER, type DerValue, derValues } from './der.ts'

/** At least 128 bits of security. RSA is left out: the specification discourages it, and its keys have no bound. */
const CURVES: readonly (string | undefined)[] = ['prime256v1', 'secp384r1', 'secp521r1']
/** Hashes of at least 256 bits, as the specification demands; the object ids in hex. */
const SIGNATURES: readonly string[] = [
  '2a8648ce3d040302', // ecdsa-with-SHA256
  '2a8648ce3d040303', // ecdsa-with-SHA384
  '2a8648ce3d040304', // ecdsa-with-SHA512
  '2b6570' // Ed25519
]
/** `[0] INTEGER 2`, which is version 3. */
const VERSION_3 = Buffer.from('a003020102', 'hex')
/** What is signed, member by member. The unique ids that may follow are forbidden by the specification. */
const MEMBERS = [
  DER.context0,
  DER.integer,
  DER.sequence,
  DER.sequence,
  DER.sequence,
  DER.sequence,
  DER.sequence,
  DER.context3
]

/**
 * The peer that `certificate` names, once it is proved.
 *
 * @param certificate as `getPeerX509Certificate` returns it, with the rest of the chain.
 * @throws {ProtocolViolationError} when the certificate breaks a rule of the specification.
 */
export async function peerOfCertificate(certificate: X509Certificate, nowMs: number): Promise<PeerId> {
  if (certificate.issuerCertificate !== undefined) throw refused('is one of a chain; one alone is allowed')
  // OpenSSL's text: of a date that it cannot read, `validToDate` is whatever lay in memory. Such a text is no number here,
  // and each comparison with it is false.
  const [fromMs, toMs] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  if (!(fromMs <= nowMs && nowMs <= toMs)) throw refused('is not valid at this time')
  const handshakeKey = keyOf(certificate)
  if (!certificate.checkIssued(certificate) || !certificate.verify(handshakeKey)) {
    throw refused('is not signed by itself')
  }
  const keyInfo = handshakeKey.export({ type: 'spki', format: 'der' })
  const { writtenKeyInfo, signedKey } = dissect(certificate.raw)
  if (!writtenKeyInfo.equals(keyInfo)) throw refused('writes its key in two ways')

  const [key, signature] = membersOf(only(signedKey), [DER.octetString, DER.octetString])
  const { identity, peerId } = identityOf(key!.content)
  if (!(await identity.verify(Buffer.concat([SIGNED_PREFIX, keyInfo]), signature!.content))) {
    throw refused('is not signed by the peer it names')
  }
  return peerId
}

/** The key that OpenSSL checks the handshake with. */
function keyOf(certificate: X509Certificate): KeyObject {
  let key: KeyObject
  try {
    key = certificate.publicKey
  } catch (err) {
    throw refused('has a key that cannot be read', err)
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key
  if (type === 'ed25519' || (type === 'ec' && CURVES.includes(details?.namedCurve))) return key
  throw refused(`has a ${type} key; Ed25519 and the NIST curves from P-256 on are allowed`)
}

function identityOf(protobuf: Buffer): { identity: PublicKey; peerId: PeerId } {
  try {
    const identity = publicKeyFromProtobuf(protobuf)
    return { identity, peerId: peerIdFromPublicKey(identity) }
  } catch (err) {
    throw refused('names no peer', err)
  }
}

/** The key as it stands in the bytes, and the content of libp2p's extension. */
function dissect(raw: Buffer): { writtenKeyInfo: Buffer; signedKey: Buffer } {
  const [toBeSigned, algorithm] = membersOf(only(raw), [DER.sequence, DER.sequence, DER.bitString])
  const [oid] = derValues(algorithm!.content)
  if (!SIGNATURES.includes(oid?.content.toString('hex') ?? '')) {
    throw refused('is signed with an algorithm that is not allowed')
  }
  const members = membersOf(toBeSigned!, MEMBERS)
  if (!members[0]!.whole.equals(VERSION_3)) throw refused('is not of version 3')
  const [keyAlgorithm] = membersOf(members[6]!, [DER.sequence, DER.bitString])
  if (derValues(keyAlgorithm!.content).some(({ tag }) => tag !== DER.objectId)) {
    throw refused('writes the parameters of its curve instead of their name')
  }
  return { writtenKeyInfo: members[6]!.whole, signedKey: signedKeyIn(only(members[7]!.content)) }
}

function signedKeyIn(extensions: DerValue): Buffer {
  let signedKey: Buffer | undefined
  for (const { content } of derValues(extensions.content)) {
    const [id, ...rest] = derValues(content)
    const value = rest.pop()
    const [critical, ...more] = rest
    if (id?.tag !== DER.objectId || value?.tag !== DER.octetString || more.length > 0) throw malformed()
    if (critical !== undefined && !critical.whole.equals(CRITICAL)) throw malformed()
    if (id.content.equals(LIBP2P_EXTENSION)) {
      if (signedKey !== undefined) throw refused("has libp2p's extension twice")
      signedKey = value.content
    } else if (critical !== undefined) throw refused('has a critical extension that is not known')
  }
  if (signedKey === undefined) throw refused('has no libp2p extension')
  return signedKey
}

/** `BOOLEAN TRUE`; the other value is the default, which DER leaves out. */
const CRITICAL = Buffer.from('0101ff', 'hex')

/** The one sequence that fills `bytes`. */
function only(bytes: Buffer): DerValue {
  const [value, ...more] = derValues(bytes)
  if (value?.tag !== DER.sequence || more.length > 0) throw malformed()
  return value
}

function membersOf({ content }: DerValue, tags: readonly number[]): DerValue[] {
  const values = derValues(content)
  if (values.length !== tags.length || values.some(({ tag }, i) => tag !== tags[i])) throw malformed()
  return values
}

const malformed = (): ProtocolViolationError => refused('is malformed')

const refused = (what: string, cause?: unknown): ProtocolViolationError =>
  new ProtocolViolationError(`The certificate of the peer ${what}.`, { cause })
