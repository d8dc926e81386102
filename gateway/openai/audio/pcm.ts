/** Speech as a WAV file, in pieces, turned into bare samples: 16 bits, one channel, 24,000 a second, as OpenAI has them. */

import { EngineFailedError } from '../../../interface/errors.ts'

const RATE = 24_000
/** Before the samples: a format, and perhaps some words about the file. */
const HEAD_BYTES_MAX = 64 * 1024
const RATE_MIN = 4_000
const RATE_MAX = 192_000
const CHANNELS_MAX = 8
const PCM = 1
const FLOAT = 3
const EXTENSIBLE = 0xfffe
/** Programs that write a file before they know its length state none, or the most. */
const UNKNOWN_LENGTH = 0x7fff_0000

interface Format {
  readonly rate: number
  readonly channels: number
  readonly sampleBytes: number
  readonly read: (bytes: DataView, at: number) => number
}

/** @throws {EngineFailedError} where it is no such file. */
export async function* pcmOf(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let pending = Buffer.alloc(0)
  let head: { format: Format; left: number } | undefined
  let samples: Resampler | undefined

  for await (const piece of pieces) {
    pending = Buffer.concat([pending, piece])
    if (head === undefined) {
      const found = headOf(pending)
      if (found === undefined) continue
      head = found
      samples = new Resampler(found.format)
      pending = pending.subarray(found.end)
    }
    const { channels, sampleBytes } = head.format
    const length = Math.min(pending.length, head.left)
    const whole = length - (length % (channels * sampleBytes))
    head.left -= whole
    const made = samples!.add(pending.subarray(0, whole))
    // What follows the samples is words about them.
    pending = head.left < channels * sampleBytes ? Buffer.alloc(0) : pending.subarray(whole)
    if (made.byteLength > 0) yield made
  }
  if (head === undefined) throw notWav()
}

/** The format and where the samples begin; nothing while that part has not come. */
function headOf(bytes: Buffer): { format: Format; left: number; end: number } | undefined {
  if (bytes.length < 12) return undefined
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') throw notWav()
  let format: Format | undefined
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = bytes.toString('latin1', at, at + 4)
    const length = bytes.readUInt32LE(at + 4)
    if (name === 'data') {
      if (format === undefined) throw notWav()
      const isKnown = length > 0 && length < UNKNOWN_LENGTH
      return { format, left: isKnown ? length : Number.POSITIVE_INFINITY, end: at + 8 }
    }
    if (name === 'fmt ' && length >= 16 && at + 8 + length <= bytes.length) {
      format = formatOf(bytes.subarray(at + 8, at + 8 + length))
    }
    at += 8 + length + (length % 2)
  }
  if (bytes.length > HEAD_BYTES_MAX) throw notWav()
  return undefined
}

function formatOf(chunk: Buffer): Format {
  const stated = chunk.readUInt16LE(0)
  const code = stated === EXTENSIBLE && chunk.length >= 26 ? chunk.readUInt16LE(24) : stated
  const channels = chunk.readUInt16LE(2)
  const rate = chunk.readUInt32LE(4)
  const bits = chunk.readUInt16LE(14)
  if (channels < 1 || channels > CHANNELS_MAX || rate < RATE_MIN || rate > RATE_MAX) throw notWav()
  if (code === PCM && bits === 16)
    return { rate, channels, sampleBytes: 2, read: (bytes, at) => bytes.getInt16(at, true) / 32_768 }
  if (code === FLOAT && bits === 32)
    return { rate, channels, sampleBytes: 4, read: (bytes, at) => bytes.getFloat32(at, true) }
  throw notWav()
}

/** Mixes the channels, and draws a line from each sample to the next. */
class Resampler {
  readonly #format: Format
  /** Of the next sample made, counted in samples from the first of the next piece; -1 is the last of the one before. */
  #at = 0
  #last = 0

  constructor(format: Format) {
    this.#format = format
  }

  add(bytes: Uint8Array): Uint8Array {
    const { channels, sampleBytes, read, rate } = this.#format
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const count = bytes.byteLength / (channels * sampleBytes)
    const mixed = new Float32Array(count)
    for (let i = 0; i < count; i++) {
      let sum = 0
      for (let channel = 0; channel < channels; channel++)
        sum += read(view, (i * channels + channel) * sampleBytes)
      mixed[i] = sum / channels
    }
    const step = rate / RATE
    const made = new DataView(new ArrayBuffer(2 * Math.max(0, Math.floor((count - 1 - this.#at) / step) + 1)))
    let length = 0
    for (; this.#at <= count - 1 && length < made.byteLength; this.#at += step, length += 2) {
      const before = Math.floor(this.#at)
      const from = before < 0 ? this.#last : mixed[before]!
      const to = mixed[before + 1] ?? from
      const value = from + (to - from) * (this.#at - before)
      made.setInt16(length, Math.max(-32_768, Math.min(32_767, Math.round(value * 32_768))), true)
    }
    if (count > 0) this.#last = mixed[count - 1]!
    this.#at -= count
    return new Uint8Array(made.buffer, 0, length)
  }
}

const notWav = (): EngineFailedError =>
  new EngineFailedError(
    'The model does not speak in WAV of 16 bits or of float32, of which bare samples are made.'
  )
