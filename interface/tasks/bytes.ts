/** Binary values in the input and output of tasks. */

import * as z from 'zod'
import { fromBase64 } from '../base64.ts'

/** Bytes in process; in JSON, base64 or a base64 data URL. */
const Bytes = z
  .custom<Uint8Array | string>(value => value instanceof Uint8Array || typeof value === 'string', {
    error: 'give bytes as base64'
  })
  .transform((value, context) => {
    const bytes = typeof value === 'string' ? fromBase64(value) : value
    if (typeof bytes !== 'string') return bytes
    context.addIssue({ code: 'custom', message: bytes })
    return z.NEVER
  })

export const bytesMax = (limit: number) =>
  Bytes.refine(bytes => bytes.byteLength <= limit, { error: `holds more than ${limit} bytes` })
