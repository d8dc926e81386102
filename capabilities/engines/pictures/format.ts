/** Formats that are not decoded here, by the first bytes of a file: so that an error can name them. */

import { InvalidInputError } from '../../../interface/errors.ts'

const READ_FORMATS = 'JPEG, PNG, WebP or GIF'

/** Bytes 4 to 7 of every file of the ISO family; the brand after them says which member it is. */
const ISO_MARK = 'ftyp'
const ISO_BRANDS: readonly [brand: RegExp, name: string, advice: string][] = [
  [/^avi[fs]$/, 'AVIF', ''],
  [
    /^(?:hei[cxms]|hev[cxms]|mif1|msf1)$/,
    'HEIC',
    ' An iPhone takes JPEG photos after Settings > Camera > Formats > Most Compatible.'
  ],
  [/^/, 'a video', '']
]
const BEGINNINGS: readonly [beginning: RegExp, name: string][] = [
  [/^%PDF/, 'PDF'],
  [/^BM/, 'BMP'],
  [/^(?:II\*\0|MM\0\*)/, 'TIFF'],
  [/^(?:\xff\n|.{4}JXL )/s, 'JPEG XL'],
  [/^.{4}jP {2}/s, 'JPEG 2000'],
  [/^(?:\xef\xbb\xbf)?\s*<(?:svg|\?xml|!DOCTYPE svg)/i, 'SVG']
]
const LOOKED_AT_BYTES = 64
const READ_BEGINNING = /^(?:\xff\xd8\xff|\x89PNG|GIF8|RIFF.{4}WEBP)/s

/** @throws {InvalidInputError} naming the field when `encoded` is of another format, with its name where it is known. */
export function checkFormat(encoded: Uint8Array, field: string): void {
  if (encoded.byteLength === 0) throw new InvalidInputError(`${field} holds no bytes.`)
  const head = Buffer.from(encoded.subarray(0, LOOKED_AT_BYTES)).toString('latin1')
  if (READ_BEGINNING.test(head)) return

  const iso =
    head.slice(4, 8) === ISO_MARK ? ISO_BRANDS.find(([brand]) => brand.test(head.slice(8, 12))) : undefined
  const name = iso?.[1] ?? BEGINNINGS.find(([beginning]) => beginning.test(head))?.[1]
  if (name === undefined) throw new InvalidInputError(`${field} is no picture in ${READ_FORMATS}.`)
  throw new InvalidInputError(
    `${field} is ${name}, which is not supported. Convert it to ${READ_FORMATS}.${iso?.[2] ?? ''}`
  )
}
