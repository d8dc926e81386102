/**
 * Messages of calls: one head frame and the data frames it announces.
 *
 *     head  = call · index · n · length × n · control      (varints, then bytes)
 *     data  = the n binary values in order, cut anywhere into frames
 *
 * Many calls share a stream, told apart by their number, but nothing comes between
 * a head and its data: at most one message per stream is ever half received. A
 * control body too large for a head is left out there and comes as the first value.
 */

import { LumosError, ProtocolViolationError } from '../../interface/errors.ts'
import { allocate } from './bytes.ts'
import type { Frame } from './frame-parser.ts'
import type { FrameInit } from './frames.ts'
import { ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, FRAME_BYTES_HARD_MAX, FRAME_BYTES_MAX } from './limits.ts'

/** Types every protocol with calls has. */
export const TYPE = {
  data: 0,
  /** Dialer: begin a call. */
  request: 1,
  /** Dialer: the answer is no longer wanted. The listener still ends the call. */
  cancel: 2,
  /** Listener: the call has ended, whole. */
  done: 3,
  /** Listener: the call has ended, failed. */
  error: 4
} as const
/** A protocol's own kinds of reply are numbered from here; a dialer skips those that it does not know. */
export const REPLIES_FROM = 16

/** Leaves room for the numbers of 65 values in a first frame of 16 KiB. */
const CONTROL_INLINE_MAX = 8 * 1024
/** Numbers of calls, chunks and bytes stay below 2^32. */
const VARINT_BYTES_MAX = 5

export interface Message {
  readonly type: number
  /** Given by the dialer, counting up from 1. */
  readonly call: number
  /** Place of a chunk in its answer; 0 where that means nothing. */
  readonly index: number
  readonly control: Uint8Array
  /** Undefined when the bytes of the message were not admitted: they are read and dropped. */
  readonly data: readonly Uint8Array[] | undefined
}

/** The frames of one message. */
export function messageFrames(
  type: number,
  call: number,
  index: number,
  control: Uint8Array,
  data: readonly Uint8Array[] = NONE
): Iterable<FrameInit> {
  if (control.byteLength > CONTROL_INLINE_MAX) {
    if (control.byteLength > FRAME_BYTES_HARD_MAX) {
      throw new LumosError(
        'INPUT_TOO_LARGE',
        `A message cannot describe itself in ${control.byteLength} bytes.`
      )
    }
    return messageFrames(type, call, index, EMPTY, [control, ...data])
  }
  let bytes = 0
  let headBytes = varintBytes(call) + varintBytes(index) + varintBytes(data.length) + control.byteLength
  for (const { byteLength } of data) {
    bytes += byteLength
    headBytes += varintBytes(byteLength)
  }
  const body = allocate(headBytes)
  let at = putVarint(body, 0, call)
  at = putVarint(body, at, index)
  at = putVarint(body, at, data.length)
  for (const { byteLength } of data) at = putVarint(body, at, byteLength)
  body.set(control, at)

  const head: FrameInit = [type, body]
  if (bytes === 0) return [head]
  if (bytes <= FRAME_BYTES_MAX) return [head, [TYPE.data, data.length === 1 ? data[0]! : data]]
  return largeMessage(head, data)
}

/** Made frame by frame, as there is room. */
function* largeMessage(head: FrameInit, data: readonly Uint8Array[]): Generator<FrameInit> {
  yield head
  for (const value of data) {
    for (let start = 0; start < value.byteLength; start += FRAME_BYTES_MAX) {
      yield [TYPE.data, value.subarray(start, start + FRAME_BYTES_MAX)]
    }
  }
}

/** Puts messages together. Knows sizes, not meanings. */
export class MessageReader {
  readonly #admit: (bytes: number, call: number) => boolean
  #head: Omit<Message, 'data'> | undefined
  #lengths: number[] = []
  #missing = 0
  #values: Uint8Array[] | undefined
  /** How far the value that is being filled has got. */
  #filling: Uint8Array | undefined
  #filled = 0

  /** @param admit whether to keep the bytes of a message, once it is known how many they are. */
  constructor(admit: (bytes: number, call: number) => boolean = () => true) {
    this.#admit = admit
  }

  /** Whether a message has begun and more of it is owed. */
  get partial(): boolean {
    return this.#head !== undefined
  }

  /**
   * @returns the message that `frame` completes.
   * @throws {ProtocolViolationError} when data comes that no head announced, or does not come.
   */
  push(frame: Frame): Message | undefined {
    if (frame.type === TYPE.data) return this.#pushData(frame.body)
    if (this.#head !== undefined) throw new ProtocolViolationError('A message began inside another.')
    return this.#pushHead(frame)
  }

  #pushHead({ type, body }: Frame): Message | undefined {
    at = 0
    const call = readVarint(body)
    const index = readVarint(body)
    const count = readVarint(body)
    if (count === 0) {
      const control = body.subarray(at)
      return { type, call, index, control, data: this.#admit(control.byteLength, call) ? NONE : undefined }
    }
    if (count > ATTACHMENTS_MAX + 1) throw new ProtocolViolationError('A message announces too many values.')

    const lengths: number[] = []
    let bytes = 0
    for (let i = 0; i < count; i++) bytes += lengths[lengths.push(readVarint(body)) - 1]!
    if (bytes > ATTACHMENT_BYTES_MAX + FRAME_BYTES_HARD_MAX) {
      throw new ProtocolViolationError('A message announces too many bytes.')
    }
    this.#head = { type, call, index, control: body.subarray(at) }
    this.#lengths = lengths
    this.#missing = bytes
    this.#values = this.#admit(bytes + this.#head.control.byteLength, call) ? [] : undefined
    return bytes === 0 ? this.#complete() : undefined
  }

  #pushData(body: Uint8Array): Message | undefined {
    if (this.#head === undefined || body.byteLength === 0 || body.byteLength > this.#missing) {
      throw new ProtocolViolationError('Data came that no message announced.')
    }
    this.#missing -= body.byteLength
    if (this.#values !== undefined) this.#keep(body, this.#values)
    return this.#missing === 0 ? this.#complete() : undefined
  }

  #keep(body: Uint8Array, values: Uint8Array[]): void {
    let start = 0
    while (start < body.byteLength) {
      const length = this.#lengths[values.length]!
      const end = Math.min(start + length - this.#filled, body.byteLength)
      if (end - start === length) {
        values.push(body.subarray(start, end))
      } else {
        this.#filling ??= allocate(length)
        this.#filling.set(body.subarray(start, end), this.#filled)
        this.#filled += end - start
        if (this.#filled === length) {
          values.push(this.#filling)
          this.#filling = undefined
          this.#filled = 0
        }
      }
      start = end
    }
  }

  #complete(): Message {
    const head = this.#head!
    const values = this.#values
    this.#head = undefined
    this.#values = undefined
    if (values === undefined) return { ...head, data: undefined }
    // No byte comes for empty values at the end.
    while (values.length < this.#lengths.length) values.push(EMPTY)
    const { type, call, index } = head
    if (head.control.byteLength > 0) return { type, call, index, control: head.control, data: values }
    const [control, ...data] = values
    return { ...head, control: control!, data }
  }
}

/** Where the next varint is read; heads are read one at a time, in one go. */
let at = 0

function readVarint(bytes: Uint8Array): number {
  let value = 0
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = bytes[at++]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) {
      if ((byte === 0 && i > 0) || value > 0xffff_ffff) break
      return value
    }
  }
  throw new ProtocolViolationError('The head of a message is malformed.')
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++
  return bytes
}

function putVarint(target: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    target[at++] = (value & 0x7f) | 0x80
    value = Math.floor(value / 0x80)
  }
  target[at++] = value
  return at
}

const EMPTY = new Uint8Array(0)
const NONE: readonly Uint8Array[] = []
