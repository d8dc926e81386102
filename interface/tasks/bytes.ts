/** Binary values in the input and output of tasks. */

import * as z from 'zod'

/** Media type and parameters in any case, as `data:image/png;charset=utf-8;base64,`. */
const DATA_URL = /^\s*data:[^,]{0,256};base64,/i
/** `base64` breaks its lines, and a shell adds a line end. */
const SPACE = /\s+/g
/** The usual alphabet and that of URLs; the padding may be missing. */
const FOREIGN = /[^A-Za-z0-9+/_-]/
const PADDING = /={1,2}$/

/** Bytes in process; in JSON, base64 or a base64 data URL. */
const Bytes = z
  .custom<Uint8Array | string>(value => value instanceof Uint8Array || typeof value === 'string', {
    error: 'give bytes as base64'
  })
  .transform((value, context) => {
    if (typeof value !== 'string') return value
    const prefix = DATA_URL.exec(value)?.[0].length ?? 0
    const text = value.slice(prefix).replace(SPACE, '').replace(PADDING, '')
    const foreign = FOREIGN.exec(text)
    // Four characters are three bytes, so one that is left over is none.
    if (foreign === null && text.length % 4 !== 1) return Uint8Array.from(Buffer.from(text, 'base64'))
    context.addIssue({
      code: 'custom',
      message: foreign === null ? CUT : misplaced(value, prefix, foreign[0])
    })
    return z.NEVER
  })

const CUT = 'is no base64: its last character is missing'

const misplaced = (value: string, prefix: number, character: string): string =>
  prefix === 0 && /^\s*(?:https?|file|data):/i.test(value)
    ? 'is a URL, and no file is fetched from there: give the bytes as base64, or as data:…;base64,…'
    : `is no base64: character ${JSON.stringify(character)} at ${value.indexOf(character, prefix)}`

export const bytesMax = (limit: number) =>
  Bytes.refine(bytes => bytes.byteLength <= limit, { error: `holds more than ${limit} bytes` })
