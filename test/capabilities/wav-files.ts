/** Writes WAV files, right ones and others. */

export interface WavFile {
  /** 1: PCM, 3: floats, 6: A-law, 7: mu-law. */
  readonly code?: number
  readonly bits?: number
  readonly rate?: number
  readonly channels?: number
  readonly body?: Uint8Array
  /** What the head says of the samples; absent: what is there. */
  readonly stated?: number
  /** Chunks before the samples. */
  readonly before?: Uint8Array
  readonly formatBytes?: number
}

export function wavFile(file: WavFile): Buffer {
  const { code = 1, bits = 16, rate = 16_000, channels = 1, body = new Uint8Array(2) } = file
  const format = Buffer.alloc(file.formatBytes ?? 16)
  const parts = [code, channels, rate & 0xffff, rate >>> 16, 0, 0, (channels * bits) / 8, bits]
  for (const [at, part] of parts.entries())
    if (at * 2 < format.length) format.writeUInt16LE(part & 0xffff, at * 2)
  const head = Buffer.from('RIFF\0\0\0\0WAVE', 'latin1')
  return Buffer.concat([
    head,
    chunkOf('fmt ', format),
    file.before ?? new Uint8Array(),
    chunkOf('data', body, file.stated)
  ])
}

export function chunkOf(name: string, body: Uint8Array, stated = body.byteLength): Buffer {
  const head = Buffer.alloc(8)
  head.write(name, 'latin1')
  head.writeUInt32LE(stated, 4)
  return Buffer.concat([head, body])
}

/** A tone of 16 bits. */
export function tone(hertz: number, { rate = 16_000, seconds = 1, strength = 0.5 } = {}): Buffer {
  const samples = Int16Array.from({ length: Math.round(rate * seconds) }, (_, at) =>
    Math.round(0x7fff * strength * Math.sin((2 * Math.PI * hertz * at) / rate))
  )
  return Buffer.from(samples.buffer)
}
