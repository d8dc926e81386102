/** GGUF files for tests. */

const TEXT = 8
const UINT32 = 4
/** After the first four bytes: version, number of tensors, number of entries. */
const ENTRIES_AT = 16
const FIRST_ENTRY_AT = 24
const ALIGNMENT = 32

const uint64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const text = (words: string): Buffer => Buffer.concat([uint64(Buffer.byteLength(words)), Buffer.from(words)])

const entry = (key: string, value: string | number): Buffer =>
  typeof value === 'string'
    ? Buffer.concat([text(key), uint32(TEXT), text(value)])
    : Buffer.concat([text(key), uint32(UINT32), uint32(value)])

/** The head of a model without weights. */
export const headOf = (entries: Readonly<Record<string, string | number>>, tensors: Buffer[] = []): Buffer =>
  Buffer.concat([
    ...[Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(Object.keys(entries).length)],
    ...Object.entries(entries).map(([key, value]) => entry(key, value)),
    ...tensors
  ])

export const tensor = (name: string, dims: readonly number[], offset = 0, type = 0): Buffer =>
  Buffer.concat([text(name), uint32(dims.length), ...dims.map(uint64), uint32(type), uint64(offset)])

const FLOAT32 = 6
const RANK = 2
const ALPHA = 16

/** A LoRA adapter of one matrix of a model, whose numbers are the same each time. */
export function adapterFile(
  architecture: string,
  matrix: string,
  [from, to]: readonly [number, number]
): Buffer {
  const numbers = (count: number, scale: number) =>
    Buffer.from(Float32Array.from({ length: count }, (_, i) => scale * Math.sin(i * 1.7)).buffer)
  const [a, b] = [numbers(from * RANK, 0.2), numbers(RANK * to, 0.5)]
  const texts = Object.entries({
    'general.architecture': architecture,
    'general.type': 'adapter',
    'adapter.type': 'lora'
  }).map(([key, value]) => entry(key, value))
  const alpha = Buffer.alloc(4)
  alpha.writeFloatLE(ALPHA)
  const head = Buffer.concat([
    ...[Buffer.from('GGUF'), uint32(3), uint64(2), uint64(texts.length + 1)],
    ...[...texts, text('adapter.lora.alpha'), uint32(FLOAT32), alpha],
    tensor(`${matrix}.lora_a`, [from, RANK]),
    tensor(`${matrix}.lora_b`, [RANK, to], a.length)
  ])
  return Buffer.concat([head, Buffer.alloc((ALIGNMENT - (head.length % ALIGNMENT)) % ALIGNMENT), a, b])
}

/** The file with one more entry, or with another value of one of its texts. Its weights stay aligned. */
export function withEntry(file: Buffer, key: string, value: string | number): Buffer {
  const known = file.indexOf(text(key))
  const isKnown = known >= 0
  const from = isKnown ? known : FIRST_ENTRY_AT
  const to = isKnown
    ? known + text(key).length + 4 + 8 + Number(file.readBigUInt64LE(known + text(key).length + 4))
    : from
  const added = entry(key, value)
  const grown = added.length - (to - from)
  // The weights begin at a multiple of the alignment, so what is added must keep the rest of it: a filling entry.
  const bare = entry('x.filling', '').length
  const filling = entry('x.filling', 'x'.repeat(((-(grown + bare) % ALIGNMENT) + ALIGNMENT) % ALIGNMENT))
  const head = Buffer.from(file.subarray(0, from))
  head.writeBigUInt64LE(head.readBigUInt64LE(ENTRIES_AT) + BigInt(isKnown ? 1 : 2), ENTRIES_AT)
  return Buffer.concat([head, added, filling, file.subarray(to)])
}
