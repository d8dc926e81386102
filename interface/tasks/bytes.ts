/** Binary values in the input and output of tasks. */

import * as z from 'zod'

const DATA_URL = /^data:[\w.+/-]*;base64,/

/** Bytes in process; in JSON, base64 or a base64 data URL. */
const Bytes = z.union([
  z.instanceof(Uint8Array),
  z
    .string()
    .transform(text => text.replace(DATA_URL, ''))
    .pipe(z.base64())
    .transform(text => Uint8Array.from(Buffer.from(text, 'base64')))
])

export const bytesMax = (limit: number) =>
  Bytes.refine(bytes => bytes.byteLength <= limit, { error: `holds more than ${limit} bytes` })
