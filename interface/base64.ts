/** Bytes as JSON brings them: base64, as `base64` and shells write it, or a base64 data URL. */

/** Media type and parameters in any case, as `data:image/png;charset=utf-8;base64,`. */
const DATA_URL = /^\s*data:[^,]{0,256};base64,/i
/** `base64` breaks its lines, and a shell adds a line end. */
const SPACE = /\s+/g
/** The usual alphabet and that of URLs; the padding may be missing. */
const FOREIGN = /[^A-Za-z0-9+/_-]/
const PADDING = /={1,2}$/

/** The bytes, in a buffer of their own; or, for people, why it is none. */
export function fromBase64(value: string): Uint8Array<ArrayBuffer> | string {
  const prefix = DATA_URL.exec(value)?.[0].length ?? 0
  const text = value.slice(prefix).replace(SPACE, '').replace(PADDING, '')
  const foreign = FOREIGN.exec(text)
  if (foreign !== null) return misplaced(value, prefix, foreign[0])
  // Four characters are three bytes, so one that is left over is none.
  if (text.length % 4 === 1) return 'is no base64: its last character is missing'
  const bytes = Buffer.from(text, 'base64')
  // A small one is a slice of Node's pool, and would keep all 64 KiB of that in memory.
  return bytes.byteLength < bytes.buffer.byteLength ? Uint8Array.from(bytes) : new Uint8Array(bytes.buffer)
}

const misplaced = (value: string, prefix: number, character: string): string =>
  prefix === 0 && /^\s*(?:https?|file|data):/i.test(value)
    ? 'is a URL, and no file is fetched from there: give the bytes as base64, or as data:…;base64,…'
    : `is no base64: character ${JSON.stringify(character)} at ${value.indexOf(character, prefix)}`
