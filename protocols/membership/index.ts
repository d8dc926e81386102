/** Certificates and revocations as bytes. */

import type { PrivateKey } from '@libp2p/interface'
import { LumosError } from '../../interface/errors.ts'
import { Certificate, Revocation } from '../../interface/membership.ts'
import { openRecord, type RecordKind, type Signed, sealRecord } from '../wire/signed-record.ts'

/** Three PeerIds, a name of 63 characters of four bytes, and the envelope take less than 1 KiB. */
const CERTIFICATE_BYTES_MAX = 2048

const CERTIFICATE: RecordKind<typeof Certificate> = {
  schema: Certificate,
  domain: 'lumos/certificate/v1',
  noun: 'A certificate',
  bytesMax: CERTIFICATE_BYTES_MAX,
  invalid: 'CERTIFICATE_INVALID',
  forged: 'CERTIFICATE_FORGED'
}

const REVOCATION: RecordKind<typeof Revocation> = {
  schema: Revocation,
  domain: 'lumos/revocation/v1',
  noun: 'A revocation',
  bytesMax: CERTIFICATE_BYTES_MAX,
  invalid: 'CERTIFICATE_INVALID',
  forged: 'CERTIFICATE_FORGED'
}

export type SignedCertificate = Signed<Certificate>
export type SignedRevocation = Signed<Revocation>

export const sealCertificate = (certificate: Certificate, key: PrivateKey): Promise<SignedCertificate> =>
  sealRecord(CERTIFICATE, certificate, key)

export const sealRevocation = (revocation: Revocation, key: PrivateKey): Promise<SignedRevocation> =>
  sealRecord(REVOCATION, revocation, key)

/** @throws {LumosError} `CERTIFICATE_FORGED` unless its issuer signed it. Whether the issuer may is for the chain to say. */
export const openCertificate = (bytes: Uint8Array): Promise<SignedCertificate> =>
  byItsIssuer(openRecord(CERTIFICATE, bytes))

/** @throws {LumosError} `CERTIFICATE_FORGED` unless its issuer signed it. */
export const openRevocation = (bytes: Uint8Array): Promise<SignedRevocation> =>
  byItsIssuer(openRecord(REVOCATION, bytes))

async function byItsIssuer<T extends { issuer: string }>(opening: Promise<Signed<T>>): Promise<Signed<T>> {
  const signed = await opening
  if (signed.signer === signed.value.issuer) return signed
  throw new LumosError('CERTIFICATE_FORGED', `${signed.signer} signed in the name of ${signed.value.issuer}.`)
}
