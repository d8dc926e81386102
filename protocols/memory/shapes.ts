/** Byte strings in what is signed. */

import * as z from 'zod'

export const Bytes = z.custom<Uint8Array>(value => value instanceof Uint8Array, { error: 'expected bytes' })

export const bytesOf = (length: number) =>
  z.custom<Uint8Array>(value => value instanceof Uint8Array && value.length === length, {
    error: `expected ${length} bytes`
  })

/** Of a writer: 48 bits. */
export const Life = z.string().regex(/^[0-9a-f]{12}$/)
