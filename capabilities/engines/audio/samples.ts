/** Samples of a WAV file as numbers from -1 to 1, all channels mixed into one. */

import { notRead } from './format.ts'
import { SAMPLE_BYTES, type SampleForm, type Wav } from './wav.ts'

type Read = (view: DataView, at: number) => number

const READ: Readonly<Record<SampleForm, Read>> = {
  u8: (view, at) => (view.getUint8(at) - 128) / 128,
  s16: (view, at) => view.getInt16(at, true) / 0x8000,
  s24: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 0x1_0000) / 0x80_0000,
  s32: (view, at) => view.getInt32(at, true) / 0x8000_0000,
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true),
  alaw: (view, at) => fromALaw(view.getUint8(at)),
  mulaw: (view, at) => fromMuLaw(view.getUint8(at))
}

/** @throws {InvalidInputError} for a sample that is no number. */
export function mixed({ form, channels, length, data }: Wav): Float32Array {
  const read = READ[form]
  const bytes = SAMPLE_BYTES[form]
  const samples = new Float32Array(length)
  let at = 0
  for (let place = 0; place < length; place++) {
    let sum = 0
    for (let channel = 0; channel < channels; channel++, at += bytes) sum += read(data, at)
    if (!Number.isFinite(sum)) throw notRead('holds a sample that is no number')
    // Floats may lie beyond what can be played.
    samples[place] = Math.min(1, Math.max(-1, sum / channels))
  }
  return samples
}

/** G.711: a sign, three bits that say how often a step is doubled, and four that count steps. */
function fromALaw(byte: number): number {
  const bits = byte ^ 0x55
  const power = (bits >> 4) & 7
  const steps = ((bits & 15) << 4) + 8
  const size = power === 0 ? steps : (steps + 0x100) << (power - 1)
  return (bits & 0x80 ? size : -size) / 0x8000
}

function fromMuLaw(byte: number): number {
  const bits = ~byte & 0xff
  const size = ((((bits & 15) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84
  return (bits & 0x80 ? -size : size) / 0x8000
}
