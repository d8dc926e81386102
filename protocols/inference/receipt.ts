/** Receipts as bytes, and the digest of a request that they name. */

import { createHash } from 'node:crypto'
import type { PreparedRequest } from '../../interface/inference.ts'
import { RECEIPT_CHARS_MAX, Receipt } from '../../interface/receipts.ts'
import { detach } from '../wire/control.ts'
import { openRecord, type RecordKind, type Signed } from '../wire/signed-record.ts'
import { packed } from './schemas.ts'

/** Base64 takes four characters for three bytes. */
const RECEIPT_BYTES_MAX = (RECEIPT_CHARS_MAX / 4) * 3

export const RECEIPT: RecordKind<typeof Receipt> = {
  schema: Receipt,
  domain: 'lumos/receipt/v1',
  noun: 'A receipt',
  bytesMax: RECEIPT_BYTES_MAX,
  invalid: 'INVALID_INPUT',
  forged: 'CERTIFICATE_FORGED'
}

/** @throws {LumosError} `INVALID_INPUT`; `CERTIFICATE_FORGED` where the signature is wrong. */
export const openReceipt = (bytes: Uint8Array): Promise<Signed<Receipt>> => openRecord(RECEIPT, bytes)

/**
 * SHA-256 of what is asked, in hex: of the hashes of its parts, which are made beside the network's thread. How long the
 * model stays loaded is no part of it.
 */
export async function requestDigest({ task, model, input, params }: PreparedRequest): Promise<string> {
  const { keepAlive: _, ...rest } = params
  const { control, data } = detach({ task, input, model, params: packed(rest) })
  const digests = await Promise.all(
    [control, ...data].map(bytes => crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  )
  const whole = createHash('sha256')
  for (const digest of digests) whole.update(new Uint8Array(digest))
  return whole.digest('hex')
}
