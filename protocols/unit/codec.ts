/**
 * `/lumos/unit/1`: calls of units as messages (see `../wire/messages.ts`).
 *
 *     dialer    request  control: unit, stream, budgetMs, requestId, traceId; data: the input, JSON
 *               cancel
 *     listener  item     control: a piece of the answer, JSON
 *               done     control: the whole answer, JSON; empty after items
 *               error    control: see `../wire/errors.ts`; data: the details, JSON
 *
 * Inputs and answers are JSON, since units are JSON on every face.
 */

import { isUtf8 } from 'node:buffer'
import * as z from 'zod'
import { LumosError, ProtocolViolationError, RemoteError, toLumosError } from '../../interface/errors.ts'
import { MAX_BUDGET_MS } from '../../interface/inference.ts'
import { isDeeper } from '../../interface/json-extent.ts'
import { holdsMore } from '../../interface/json-size.ts'
import { isRecord } from '../../interface/record.ts'
import type { UnitCall } from '../../interface/remote.ts'
import { TRACE_ID } from '../../interface/trace-ids.ts'
import { INPUT_BYTES_MAX } from '../../interface/units.ts'
import { decodeControl, encodeControl } from '../wire/control.ts'
import { decodeError, encodeError } from '../wire/errors.ts'
import type { FrameInit } from '../wire/frames.ts'
import { type Message, messageFrames, REPLIES_FROM, TYPE } from '../wire/messages.ts'

/** Ids of the protocol, the newest first. */
export const UNIT_PROTOCOL = ['/lumos/unit/1']
/** A session, and a lane for each answer that comes in pieces. */
export const UNIT_STREAMS_OUTBOUND_MAX = 9
/** Two more, whose end is still under way. */
export const UNIT_STREAMS_INBOUND_MAX = 11

/** An answer, or a piece of one: a list of thousands of models. */
export const ANSWER_BYTES_MAX = 4 * 1024 * 1024
/** Names, numbers and an id. */
export const REQUEST_BYTES_MAX = INPUT_BYTES_MAX + 1024
/** Values of an answer: each costs the reader some hundred bytes, however short its text is. */
const VALUES_MAX = 256 * 1024
/** Deeper than any unit takes or gives, and far from the end of the stack. */
const DEPTH_MAX = 64
/** Names of fields, and what is wrong with each. */
const DETAILS_BYTES_MAX = 8 * 1024
const UNIT_CHARS_MAX = 128
/** Below what any frame may have. */
const IN_HEAD_BYTES_MAX = 8 * 1024

const ITEM = REPLIES_FROM

const Request = z.object({
  unit: z.string().min(1).max(UNIT_CHARS_MAX),
  stream: z.boolean().optional(),
  budgetMs: z.number().positive().max(MAX_BUDGET_MS),
  /** It goes into the log. */
  requestId: z.string().regex(/^[\w.:-]{1,128}$/),
  traceId: z.string().regex(TRACE_ID).optional()
})

export interface UnitRequest extends UnitCall {
  /** Whether the answer is wanted in pieces. */
  readonly stream: boolean
}

export interface EncodedRequest {
  readonly control: Uint8Array
  readonly data: readonly Uint8Array[]
}

/** @throws {LumosError} `INPUT_TOO_LARGE` */
export function encodeRequest(request: UnitRequest): EncodedRequest {
  const { unit, input, stream, budgetMs, requestId, traceId } = request
  const json = toBytes(input)
  if (json.byteLength > INPUT_BYTES_MAX) throw inputTooLarge()
  const control = encodeControl({
    unit,
    ...(stream && { stream }),
    budgetMs,
    requestId,
    ...(traceId && { traceId })
  })
  return { control, data: [json] }
}

/** @throws {LumosError} `PROTOCOL_VIOLATION`, `INPUT_TOO_LARGE` or `INVALID_INPUT`: the call is refused, the stream stays. */
export function decodeRequest(control: Uint8Array, data: readonly Uint8Array[]): UnitRequest {
  const { stream = false, ...request } = decodeControl(Request, control)
  const [json] = data
  if (json === undefined || data.length > 1)
    throw new ProtocolViolationError('A call of a unit has one input.')
  if (json.byteLength > INPUT_BYTES_MAX) throw inputTooLarge()
  return { ...request, stream, input: fromBytes(json, 'INVALID_INPUT') }
}

/** @throws {LumosError} `NOT_SUPPORTED` for an answer above {@link ANSWER_BYTES_MAX}. */
export const doneFrames = (call: number, index: number, answer: unknown): Iterable<FrameInit> =>
  valueFrames(TYPE.done, call, index, answerBytes(answer))

export const endFrames = (call: number, index: number): Iterable<FrameInit> =>
  messageFrames(TYPE.done, call, index, NOTHING)

/** @throws as {@link doneFrames} does. */
export const itemFrames = (call: number, index: number, item: unknown): Iterable<FrameInit> =>
  valueFrames(ITEM, call, index, answerBytes(item))

/** What has no place in the head comes as the first value, which its reader takes for the control body. */
const valueFrames = (type: number, call: number, index: number, json: Uint8Array): Iterable<FrameInit> =>
  json.byteLength <= IN_HEAD_BYTES_MAX
    ? messageFrames(type, call, index, json)
    : messageFrames(type, call, index, NOTHING, [json])

export function errorFrames(call: number, thrown: unknown): Iterable<FrameInit> {
  const { code, details } = toLumosError(thrown)
  const json = code === 'INTERNAL' || Object.keys(details).length === 0 ? undefined : detailBytes(details)
  return messageFrames(TYPE.error, call, 0, encodeError(thrown), json && [json])
}

/** What a reply brings: a value, or the end of the answer, which may have one. */
export type UnitReply =
  | { readonly type: 'item'; readonly value: unknown }
  | { readonly type: 'done'; readonly value?: unknown }
  | { readonly type: 'error'; readonly error: RemoteError }

/**
 * The reply that a message is; none of a type that only newer nodes know.
 *
 * @throws {ProtocolViolationError} when it is malformed.
 */
export function decodeReply({ type, control, data }: Message): UnitReply | undefined {
  if (data === undefined)
    throw new ProtocolViolationError(`The answer has more than ${ANSWER_BYTES_MAX} bytes.`)
  if (type === TYPE.error) return { type: 'error', error: withDetails(decodeError(control), data[0]) }
  if (data.length > 0) throw new ProtocolViolationError('A reply brought data that it cannot have.')
  if (type === ITEM) return { type: 'item', value: fromBytes(control, 'PROTOCOL_VIOLATION') }
  if (type === TYPE.done) {
    return control.byteLength === 0
      ? { type: 'done' }
      : { type: 'done', value: fromBytes(control, 'PROTOCOL_VIOLATION') }
  }
  if (type > REPLIES_FROM) return undefined
  throw new ProtocolViolationError(`There is no reply of type ${type}.`)
}

function withDetails(error: RemoteError, json: Uint8Array | undefined): RemoteError {
  if (json === undefined || json.byteLength > DETAILS_BYTES_MAX) return error
  const details = fromBytes(json, 'PROTOCOL_VIOLATION')
  if (!isRecord(details)) return error
  return new RemoteError(error.code, error.message, { hint: error.hint, details })
}

/** Details that cannot be sent are left out: the code and the words still arrive. */
function detailBytes(details: object): Uint8Array | undefined {
  try {
    const json = toBytes(details)
    return json.byteLength > DETAILS_BYTES_MAX ? undefined : json
  } catch {
    return undefined
  }
}

function answerBytes(answer: unknown): Uint8Array {
  const json = toBytes(answer)
  if (json.byteLength <= ANSWER_BYTES_MAX) return json
  throw new LumosError('NOT_SUPPORTED', `The answer has more than ${ANSWER_BYTES_MAX} bytes.`, {
    hint: 'Ask for less of it, or ask on that device.'
  })
}

const toBytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value) ?? 'null')

function fromBytes(json: Uint8Array, code: 'INVALID_INPUT' | 'PROTOCOL_VIOLATION'): unknown {
  if (!isUtf8(json)) throw new LumosError(code, 'A value of a unit is not UTF-8.')
  const text = Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString()
  if (text.length > VALUES_MAX && holdsMore(text, VALUES_MAX))
    throw new LumosError(code, `A value of a unit holds more than ${VALUES_MAX} values.`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new LumosError(code, 'A value of a unit is not JSON.', { cause })
  }
  // A text that is shorter is not deeper.
  if (text.length > DEPTH_MAX && isDeeper(value, DEPTH_MAX))
    throw new LumosError(code, `A value of a unit is nested more than ${DEPTH_MAX} deep.`)
  return value
}

const inputTooLarge = (): LumosError =>
  new LumosError(
    'INPUT_TOO_LARGE',
    `The input of a unit on another device holds more than ${INPUT_BYTES_MAX} bytes.`,
    {
      details: { bytesMax: INPUT_BYTES_MAX }
    }
  )

const NOTHING = new Uint8Array(0)
