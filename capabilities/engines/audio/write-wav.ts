/** Samples as a WAV file: one channel, 16 bits. */

const HEAD_BYTES = 44
const SAMPLE_BYTES = 2
const PCM = 1
const FULL = 0x7fff

export const wavBytes = (samples: number): number => HEAD_BYTES + samples * SAMPLE_BYTES

/** @param samples from -1 to 1; what lies beyond is cut. */
export function writeWav(samples: Float32Array, rate: number): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(wavBytes(samples.length))
  const view = new DataView(file.buffer)
  const dataBytes = samples.length * SAMPLE_BYTES
  const text = (at: number, words: string) => file.set(Buffer.from(words, 'latin1'), at)
  text(0, 'RIFF')
  view.setUint32(4, file.length - 8, true)
  text(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, PCM, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, rate, true)
  view.setUint32(28, rate * SAMPLE_BYTES, true)
  view.setUint16(32, SAMPLE_BYTES, true)
  view.setUint16(34, SAMPLE_BYTES * 8, true)
  text(36, 'data')
  view.setUint32(40, dataBytes, true)
  for (const [place, sample] of samples.entries()) {
    const value = Math.round(Math.min(1, Math.max(-1, sample)) * FULL)
    view.setInt16(HEAD_BYTES + place * SAMPLE_BYTES, value, true)
  }
  return file
}
