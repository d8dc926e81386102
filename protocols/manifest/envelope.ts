/** A manifest as bytes. */

import type { PrivateKey } from '@libp2p/interface'
import { LumosError } from '../../interface/errors.ts'
import { Manifest, type SignedManifest } from '../../interface/manifest.ts'
import { openRecord, type RecordKind, sealRecord } from '../wire/signed-record.ts'

/** 256 capabilities with the longest names take 55 KiB. */
export const MANIFEST_BYTES_MAX = 64 * 1024

const MANIFEST: RecordKind<typeof Manifest> = {
  schema: Manifest,
  domain: 'lumos/manifest/v1',
  noun: 'A manifest',
  bytesMax: MANIFEST_BYTES_MAX,
  invalid: 'MANIFEST_INVALID',
  forged: 'MANIFEST_FORGED'
}

export async function sealManifest(manifest: Manifest, key: PrivateKey): Promise<SignedManifest> {
  const { envelope, hash } = await sealRecord(MANIFEST, manifest, key)
  return { manifest, envelope, hash }
}

/**
 * @throws {LumosError} `MANIFEST_INVALID` when it is no manifest, `MANIFEST_FORGED` when the
 *   signature is wrong, made for another purpose, or by another key than the peer's it names.
 */
export async function openManifest(bytes: Uint8Array): Promise<SignedManifest> {
  const { value: manifest, signer, envelope, hash } = await openRecord(MANIFEST, bytes)
  if (signer !== manifest.peerId) {
    throw new LumosError('MANIFEST_FORGED', `${signer} signed a manifest in the name of ${manifest.peerId}.`)
  }
  return { manifest, envelope, hash }
}
