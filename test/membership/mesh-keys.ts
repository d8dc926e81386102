/** Keys of a mesh, and what they sign: roots, admins and devices by name. */

import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { CERTIFICATE_LIFE_MS, type Certificate } from '../../interface/membership.ts'
import { sealCertificate, sealRevocation } from '../../protocols/membership/index.ts'

export interface Device {
  readonly key: PrivateKey
  readonly id: string
}

export async function device(): Promise<Device> {
  const key = await generateKeyPair('Ed25519')
  return { key, id: peerIdFromPrivateKey(key).toString() }
}

/** A certificate of `root` or of an admin of it, valid now; `over` says otherwise. */
export const certificate = (
  { mesh, issuer, subject }: Record<'mesh' | 'issuer' | 'subject', Device>,
  over: Partial<Certificate> = {}
): Certificate => ({
  version: 1,
  mesh: mesh.id,
  issuer: issuer.id,
  subject: subject.id,
  role: issuer === mesh ? 'admin' : 'member',
  name: 'device',
  serial: '0'.repeat(32),
  notBeforeMs: 0,
  notAfterMs: CERTIFICATE_LIFE_MS,
  ...over
})

export const sealed = async (
  parties: Record<'mesh' | 'issuer' | 'subject', Device>,
  over?: Partial<Certificate>
): Promise<Uint8Array> => (await sealCertificate(certificate(parties, over), parties.issuer.key)).envelope

/** `issuer` removes `subject`; an issuer that is not the root shows its own certificate. */
export async function revocation(
  { mesh, issuer, subject }: Record<'mesh' | 'issuer' | 'subject', Device>,
  revokedAtMs = 0
) {
  const content = { version: 1, mesh: mesh.id, issuer: issuer.id, subject: subject.id, revokedAtMs } as const
  const { envelope } = await sealRevocation(content, issuer.key)
  const issuerCertificate = issuer === mesh ? null : await sealed({ mesh, issuer: mesh, subject: issuer })
  return { envelope, issuerCertificate }
}
