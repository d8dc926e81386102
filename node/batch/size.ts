/** What a value takes in memory, roughly: each part of an answer counts, however small. */

const VALUE_BYTES = 16

export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + value.length
  if (value instanceof Uint8Array) return VALUE_BYTES + value.byteLength
  if (typeof value !== 'object' || value === null) return VALUE_BYTES
  let bytes = VALUE_BYTES
  for (const [key, item] of Object.entries(value)) bytes += key.length + sizeOf(item)
  return bytes
}
