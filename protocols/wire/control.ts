/**
 * Control bodies: what frames say about calls and data, as opposed to the data.
 *
 * A large binary value never travels inside one. `detach` takes the binary values
 * out and leaves, for each, a byte string of one byte: its number among them. They
 * follow as raw data, and `attach` puts them back.
 */

import type * as z from 'zod'
import { LumosError, ProtocolViolationError } from '../../interface/errors.ts'
import { readFirst } from '../../interface/first-issue.ts'
import { decode } from './cbor/decode.ts'
import { encode } from './cbor/encode.ts'
import { ATTACHMENT_BYTES_MAX } from './limits.ts'

/** @throws {InvalidInputError} when `value` cannot be a control body. */
export const encodeControl = (value: unknown): Uint8Array<ArrayBuffer> => encode(value)

/** @throws {ProtocolViolationError} unless `body` is strict DAG-CBOR of what `schema` accepts. */
export function decodeControl<S extends z.ZodType>(schema: S, body: Uint8Array): z.output<S> {
  return check(schema, decode(body))
}

export interface Detached {
  readonly control: Uint8Array<ArrayBuffer>
  readonly data: readonly Uint8Array[]
}

/** @throws {InvalidInputError} when `value` cannot be sent, or holds too many or too large binary values. */
export function detach(value: unknown): Detached {
  const data: Uint8Array[] = []
  const control = encode(value, data)
  let bytes = 0
  for (const { byteLength } of data) bytes += byteLength
  if (bytes > ATTACHMENT_BYTES_MAX) {
    throw new LumosError('INPUT_TOO_LARGE', `More than ${ATTACHMENT_BYTES_MAX} bytes in one message.`)
  }
  return { control, data }
}

/** @throws {ProtocolViolationError} unless `control` is strict DAG-CBOR that names each of `data` once, in order. */
export const attach = (control: Uint8Array, data: readonly Uint8Array[]): unknown => decode(control, data)

/** @throws {ProtocolViolationError} with the path of the first issue, unless `schema` accepts `value`. */
export function check<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = readFirst(schema, value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  const path = issue?.path.join('.') || 'the body'
  throw new ProtocolViolationError(`A control body is not as agreed: ${path}: ${issue?.message}`)
}
