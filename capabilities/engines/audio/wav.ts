/**
 * WAV files: where their samples lie, and in which form. A file comes from anywhere, so each length in it is held against the
 * bytes that are there, and nothing is copied.
 */

import { notRead } from './format.ts'

/** Telephones have 8,000 samples a second, studios 192,000. Slower ones hold no speech, and hours in few bytes. */
const RATE_MIN = 4000
const RATE_MAX = 192_000
/** Of the largest arrays of microphones. */
const CHANNELS_MAX = 32
/** Files of studios have a dozen: titles, marks, padding. */
const CHUNKS_MAX = 1000
/** A program that writes into a pipe does not know the length, and states one beyond this: all that follows is meant. */
const OPEN_LENGTH_MIN = 0x7fff_0000

const CHUNK_HEAD_BYTES = 8
const RIFF_HEAD_BYTES = 12
const FORMAT_BYTES_MIN = 16
const EXTENSIBLE = 0xfffe
const SUBFORMAT_AT = 24

/** How a sample is written. */
export type SampleForm = 'u8' | 's16' | 's24' | 's32' | 'f32' | 'f64' | 'alaw' | 'mulaw'

const FORMS: Readonly<Record<string, SampleForm>> = {
  '1/8': 'u8',
  '1/16': 's16',
  '1/24': 's24',
  '1/32': 's32',
  '3/32': 'f32',
  '3/64': 'f64',
  '6/8': 'alaw',
  '7/8': 'mulaw'
}

export interface Wav {
  readonly form: SampleForm
  /** Samples a second of each channel. */
  readonly rate: number
  readonly channels: number
  /** Samples of each channel. */
  readonly length: number
  /** Sample by sample, channel by channel. */
  readonly data: DataView
}

/** @throws {InvalidInputError} saying what is wrong with it. */
export function readWav(file: Uint8Array): Wav {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  let format: Omit<Wav, 'data' | 'length'> | undefined
  let at = RIFF_HEAD_BYTES
  for (let chunks = 0; at + CHUNK_HEAD_BYTES <= view.byteLength; chunks++) {
    if (chunks === CHUNKS_MAX) throw notRead(`has more than ${CHUNKS_MAX} chunks`)
    const name = nameAt(view, at)
    const stated = view.getUint32(at + 4, true)
    const from = at + CHUNK_HEAD_BYTES
    const present = view.byteLength - from
    if (name === 'data') {
      if (format === undefined) throw notRead('has its samples before their form')
      const length = stated >= OPEN_LENGTH_MIN ? present : stated
      if (length > present) throw notRead(`states ${length} bytes of samples and holds ${present}: it is cut`)
      return samplesIn(format, new DataView(file.buffer, file.byteOffset + from, length))
    }
    if (stated > present) throw notRead(`is cut in its chunk "${name}"`)
    if (name === 'fmt ') format = formatIn(new DataView(file.buffer, file.byteOffset + from, stated))
    // Chunks begin at even places.
    at = from + stated + (stated % 2)
  }
  throw notRead('has no samples')
}

function formatIn(view: DataView): Omit<Wav, 'data' | 'length'> {
  if (view.byteLength < FORMAT_BYTES_MIN) throw notRead('does not say the form of its samples')
  const tag = view.getUint16(0, true)
  const isExtensible = tag === EXTENSIBLE && view.byteLength >= SUBFORMAT_AT + 2
  const code = isExtensible ? view.getUint16(SUBFORMAT_AT, true) : tag
  const channels = view.getUint16(2, true)
  const rate = view.getUint32(4, true)
  const bits = view.getUint16(14, true)
  const form = FORMS[`${code}/${bits}`]
  if (form === undefined) {
    throw notRead(
      `has samples of form ${code} with ${bits} bits; read are PCM of 8, 16, 24 and 32 bits, floats, A-law and mu-law`
    )
  }
  if (channels < 1 || channels > CHANNELS_MAX) {
    throw notRead(`has ${channels} channels; from 1 to ${CHANNELS_MAX} are read`)
  }
  if (rate < RATE_MIN || rate > RATE_MAX) {
    throw notRead(`has ${rate} samples a second; from ${RATE_MIN} to ${RATE_MAX} are read`)
  }
  return { form, rate, channels }
}

function samplesIn(format: Omit<Wav, 'data' | 'length'>, data: DataView): Wav {
  const length = Math.floor(data.byteLength / (format.channels * SAMPLE_BYTES[format.form]))
  if (length === 0) throw notRead('holds no samples')
  return { ...format, length, data }
}

export const SAMPLE_BYTES: Readonly<Record<SampleForm, number>> = {
  ...{ u8: 1, s16: 2, s24: 3, s32: 4, f32: 4, f64: 8, alaw: 1, mulaw: 1 }
}

const nameAt = (view: DataView, at: number): string =>
  Buffer.from(view.buffer, view.byteOffset + at, 4)
    .toString('latin1')
    .replace(/[^\w ]/g, '?')
