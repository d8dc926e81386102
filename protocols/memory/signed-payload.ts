/** A payload with the signature of its device, as charters and checkpoints travel. */

import * as z from 'zod'
import { LumosError } from '../../interface/errors.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { sha256 } from './envelope.ts'
import { Bytes, bytesOf } from './shapes.ts'
import { isSigned, keyOf, type SigningKey, signPayload } from './signed.ts'

const Wire = z.tuple([Bytes, bytesOf(64)])

/** The hash of a payload, and the record as which it travels. */
export interface SignedPayload {
  readonly hash: Uint8Array
  readonly record: Uint8Array
}

/** What one kind of payload is: `what` is its name in errors. */
interface PayloadKind<S extends z.ZodType<{ readonly by: string }>> {
  readonly what: string
  readonly domain: string
  readonly schema: S
  readonly bytesMax: number
}

export const sealPayload = (domain: string, payload: Uint8Array, key: SigningKey): SignedPayload => ({
  hash: sha256(payload),
  record: encodeControl([payload, signPayload(domain, payload, key)])
})

/** @throws {LumosError} `MEMORY_INVALID`, `MEMORY_FORGED`. Whether the signer may sign is not asked here. */
export function openPayload<S extends z.ZodType<{ readonly by: string }>>(
  wire: Uint8Array,
  { what, domain, schema, bytesMax }: PayloadKind<S>
): SignedPayload & { readonly value: z.output<S> } {
  const invalid = (why: string, cause?: unknown): LumosError =>
    new LumosError('MEMORY_INVALID', `A ${what} is not as agreed: ${why}.`, { cause })
  if (wire.byteLength > bytesMax) throw invalid(`is over ${bytesMax} bytes`)
  const record = new Uint8Array(wire)
  try {
    const [payload, signature] = decodeControl(Wire, record)
    const value = decodeControl(schema, payload)
    if (!isSigned(domain, payload, signature, keyOf(value.by)))
      throw new LumosError('MEMORY_FORGED', `The signature of ${value.by} on a ${what} is wrong.`)
    return { value, hash: sha256(payload), record }
  } catch (cause) {
    if (cause instanceof LumosError && cause.code === 'MEMORY_FORGED') throw cause
    throw invalid((cause as Error).message, cause)
  }
}
