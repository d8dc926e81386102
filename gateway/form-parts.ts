/** Forms with files in them (`multipart/form-data`), read by Node's own parser once their size and parts are counted. */

import { InvalidInputError, LumosError } from '../interface/errors.ts'

/** A few options and one file, with room for what newer clients add. */
const PARTS_MAX = 32
/** A prompt is the longest text that a form brings. */
const FIELD_CHARS_MAX = 8 * 1024
const FIELD_NAME = /^\w[\w.-]{0,63}(?:\[\])?$/
/** A token or a quoted text of at most 70 characters, as RFC 2046 bounds it. */
const BOUNDARY = /;\s*boundary=(?:"([\w'()+,./:=? -]{1,70})"|([\w'+.-]{1,70})(?=\s*(?:;|$)))/i

/** Texts and the bytes of files by their names; those of a name that ends with `[]` are a list. The name of a file is dropped. */
export type Form = Readonly<Record<string, FormValue | readonly FormValue[]>>
type FormValue = string | Uint8Array<ArrayBuffer>

/**
 * @param type the `content-type` of the request.
 * @throws {LumosError} `INVALID_INPUT`, or `INPUT_TOO_LARGE` where it has too many parts or too long a text.
 */
export async function parseForm(body: Buffer<ArrayBuffer>, type: string): Promise<Form> {
  const [, quoted, plain] = BOUNDARY.exec(type) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined)
    throw new InvalidInputError('The content-type of a form must name its boundary.')
  checkParts(body, `--${boundary}`)

  const headers = { 'content-type': `multipart/form-data; boundary="${boundary}"` }
  const form = await new Response(body, { headers }).formData().catch((err: Error) => {
    throw new InvalidInputError('The body is no whole form of this boundary.', { cause: err })
  })
  const values = new Map<string, FormValue | FormValue[]>()
  for (const [name, given] of form) {
    if (!FIELD_NAME.test(name))
      throw new InvalidInputError('The name of a field holds other than letters and _.-.')
    const value = typeof given === 'string' ? given : new Uint8Array(await given.arrayBuffer())
    if (typeof value === 'string' && value.length > FIELD_CHARS_MAX)
      throw new LumosError(
        'INPUT_TOO_LARGE',
        `The field ${name} holds more than ${FIELD_CHARS_MAX} characters.`
      )
    addTo(values, name, value)
  }
  return Object.fromEntries(values)
}

/** The parser takes time for each part: their number is bounded before it begins. */
function checkParts(body: Buffer, delimiter: string): void {
  let at = 0
  // The last delimiter ends the form.
  for (let count = 0; count <= PARTS_MAX + 1; count++) {
    at = body.indexOf(delimiter, at)
    if (at === -1) return
    at += delimiter.length
  }
  throw new LumosError('INPUT_TOO_LARGE', `The form holds more than ${PARTS_MAX} parts.`)
}

function addTo(values: Map<string, FormValue | FormValue[]>, name: string, value: FormValue): void {
  // Forms send empty what a person left out.
  if (value === '') return
  const key = name.replace(/\[\]$/, '')
  const before = values.get(key)
  if (key === name && before !== undefined) throw new InvalidInputError(`The field ${name} is there twice.`)
  if (key === name) values.set(key, value)
  else values.set(key, Array.isArray(before) ? [...before, value] : [value])
}
