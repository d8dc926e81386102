/** Bytes of a file as text: UTF-8, UTF-16 that says so, or else Windows-1252, which takes any byte and is said. */

import { LumosError } from '../../../../interface/errors.ts'

const UTF16 = { fffe: 'utf-16le', feff: 'utf-16be' } as const
/** Of text files: tab, line feed, vertical tab, form feed, carriage return, and the escape of coloured logs. */
const TEXT_CONTROLS: ReadonlySet<number> = new Set([9, 10, 11, 12, 13, 27])

export interface Decoded {
  /** Lines end with `\n`. */
  readonly text: string
  readonly encoding: string
}

/** @throws {LumosError} `MEDIA_TYPE_UNSUPPORTED` where it is no text. */
export function decodeFile(bytes: Uint8Array): Decoded {
  const mark = Buffer.from(bytes.subarray(0, 2)).toString('hex') as keyof typeof UTF16
  const utf16 = UTF16[mark]
  const text = utf16 === undefined ? decoded(bytes, 'utf-8') : decoded(bytes, utf16)
  if (text !== undefined && !text.includes('\0')) return lined(text, utf16 ?? 'utf-8')
  // A byte that no writer of text types: a picture, a program, an archive.
  const isBinary = utf16 !== undefined || bytes.some(byte => byte < 32 && !TEXT_CONTROLS.has(byte))
  if (isBinary) throw new LumosError('MEDIA_TYPE_UNSUPPORTED', 'It is no text, HTML or PDF.')
  return lined(new TextDecoder('windows-1252').decode(bytes), 'windows-1252')
}

const lined = (text: string, encoding: string): Decoded => ({ text: text.replace(/\r\n?/g, '\n'), encoding })

function decoded(bytes: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
