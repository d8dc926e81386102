/** CIDs as this mesh makes them: version 1, SHA-256, raw bytes or DAG-PB, in base32. */

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
/** Version, codec, hash function and length of the hash: RFC of multiformats, each a varint of one byte. */
const PREFIX = { raw: [1, 0x55, 0x12, 0x20], 'dag-pb': [1, 0x70, 0x12, 0x20] } as const
export const DIGEST_BYTES = 32
const CID_BYTES = 4 + DIGEST_BYTES

export type Codec = keyof typeof PREFIX

/** @param digest the SHA-256 of the block. */
export function cidOfDigest(codec: Codec, digest: Uint8Array): string {
  let text = 'b'
  let bits = 0
  let held = 0
  const push = (byte: number): void => {
    held = (held << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >>> (bits - 5)) & 31]
    held &= 0xff
  }
  for (const byte of PREFIX[codec]) push(byte)
  for (const byte of digest) push(byte)
  return bits > 0 ? text + ALPHABET[(held << (5 - bits)) & 31] : text
}

/** Undefined for a CID of another version, codec or hash function. */
export function readCid(text: string): { readonly codec: Codec; readonly digest: Uint8Array } | undefined {
  const bytes = new Uint8Array(CID_BYTES)
  let bits = 0
  let held = 0
  let at = 0
  for (const letter of text.slice(1)) {
    held = ((held & 0xff) << 5) | ALPHABET.indexOf(letter)
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = held >>> bits
  }
  const codec = bytes[1] === 0x55 ? 'raw' : 'dag-pb'
  const digest = bytes.subarray(4)
  // The one text of these bytes, so that a text that is anything else is none.
  return at === CID_BYTES && cidOfDigest(codec, digest) === text ? { codec, digest } : undefined
}
