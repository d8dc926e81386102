/**
 * Parses forms, and the JSON of large bodies, on a thread of its own: a hundred megabytes would keep the network
 * waiting for half a second.
 *
 * What crosses back to the network's thread is cheap there: long strings in base64 are bytes already, which are handed
 * over and not copied, and the number of all other values is bounded.
 */

import { parentPort } from 'node:worker_threads'
import { fromBase64 } from '../interface/base64.ts'
import { decodeText } from '../interface/decode-text.ts'
import { InvalidInputError, LumosError, toLumosError } from '../interface/errors.ts'
import { holdsMore } from '../interface/json-size.ts'
import { TEXT_CHARS_MAX } from '../interface/limits.ts'
import { type Form, parseForm } from './form-parts.ts'
import { DEPTH_MAX, parseJson, VALUES_MAX } from './json-text.ts'
import { questionOf } from './kserve/question.ts'

export type BodyForm =
  | { readonly form: 'json' }
  | { readonly form: 'multipart'; readonly contentType: string }
  /** JSON of `headBytes`, and bytes of tensors; JSON alone without it. */
  | { readonly form: 'tensors'; readonly headBytes: number | undefined }

export type ToWorker =
  /** The next part of the body `id`. */
  | { readonly type: 'part'; readonly id: number; readonly part: Uint8Array<ArrayBuffer> }
  /** It is whole. */
  | { readonly type: 'end'; readonly id: number; readonly as: BodyForm }
  /** The rest of it does not come. */
  | { readonly type: 'drop'; readonly id: number }

export type FromWorker =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: { readonly code: LumosError['code']; readonly message: string } }

const bodies = new Map<number, Uint8Array[]>()

parentPort!.on('message', async (said: ToWorker) => {
  const { id } = said
  const parts = bodies.get(id) ?? []
  if (said.type === 'part') {
    parts.push(said.part)
    bodies.set(id, parts)
    return
  }
  bodies.delete(id)
  if (said.type === 'drop') return
  const own: ArrayBuffer[] = []
  try {
    const body = Buffer.concat(parts)
    const value = await readAs(body, said.as, own)
    parentPort!.postMessage({ id, value } satisfies FromWorker, own)
  } catch (thrown) {
    const { code, message } = toLumosError(thrown)
    parentPort!.postMessage({ id, failure: { code, message } } satisfies FromWorker)
  }
})

async function readAs(body: Buffer<ArrayBuffer>, as: BodyForm, own: ArrayBuffer[]): Promise<unknown> {
  if (as.form === 'multipart') return formOf(body, as.contentType, own)
  if (as.form === 'json') return jsonOf(body, own)
  const question = questionOf(body, as.headBytes)
  for (const { data } of Object.values(question.tensors)) own.push(data.buffer)
  return question
}

function jsonOf(body: Buffer, own: ArrayBuffer[]): unknown {
  const text = decodeText(body)
  if (holdsMore(text, VALUES_MAX))
    throw new LumosError('INPUT_TOO_LARGE', `The body holds more than ${VALUES_MAX} values.`)
  return withBytes(parseJson(text), own)
}

async function formOf(body: Buffer<ArrayBuffer>, type: string, own: ArrayBuffer[]): Promise<Form> {
  const form = await parseForm(body, type)
  for (const value of Object.values(form).flat()) if (value instanceof Uint8Array) own.push(value.buffer)
  return form
}

/** @param own gets the buffers of all bytes. */
function withBytes(value: unknown, own: ArrayBuffer[], depth = 0): unknown {
  // No text is as long as that, so it can only be bytes. What is not is refused by its schema.
  if (typeof value === 'string') return value.length > TEXT_CHARS_MAX ? bytesOf(value, own) : value
  if (typeof value !== 'object' || value === null) return value
  if (depth === DEPTH_MAX) throw new InvalidInputError(`The body is nested more than ${DEPTH_MAX} deep.`)
  // Of arrays, too: their keys are their places.
  const record = value as Record<string, unknown>
  for (const key in record) record[key] = withBytes(record[key], own, depth + 1)
  return record
}

function bytesOf(text: string, own: ArrayBuffer[]): unknown {
  const bytes = fromBase64(text)
  if (typeof bytes === 'string') return text
  own.push(bytes.buffer)
  return bytes
}
