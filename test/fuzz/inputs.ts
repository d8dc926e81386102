/** Bytes that a hostile peer may send: by pure chance, or right ones with a few things wrong. */

import type { Random } from '../../interface/clock.ts'

/** Beyond the seeds' own sizes, so that inputs grow as well as shrink. */
const RANDOM_BYTES_MAX = 300
const MUTATIONS_MAX = 4
/** Where lengths, counts and kinds of CBOR, protobuf and varints have their edges. */
const EDGES = [0, 1, 0x17, 0x18, 0x1b, 0x5f, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xd8, 0xf7, 0xfb, 0xfe, 0xff]

/** @param words that the decoder looks for, as keys of a text. */
export function hostileBytes(
  seeds: readonly Uint8Array[],
  random: Random,
  words: readonly string[] = []
): Uint8Array {
  const below = (n: number) => Math.floor(random() * n)
  const noise = (length: number) => Uint8Array.from({ length }, () => below(256))
  // One in four by chance alone; the others reach further into a decoder.
  if (seeds.length === 0 || below(4) === 0) return noise(below(RANDOM_BYTES_MAX))

  let bytes = Uint8Array.from(seeds[below(seeds.length)]!)
  for (let left = 1 + below(MUTATIONS_MAX); left > 0; left--)
    bytes = mutated(bytes, { seeds, words, below, noise })
  return bytes
}

interface Means {
  readonly seeds: readonly Uint8Array[]
  readonly words: readonly string[]
  below(n: number): number
  noise(length: number): Uint8Array
}

function mutated(
  bytes: Uint8Array<ArrayBuffer>,
  { seeds, words, below, noise }: Means
): Uint8Array<ArrayBuffer> {
  const at = below(bytes.length + 1)
  const to = Math.min(bytes.length, at + below(16))
  switch (below(words.length > 0 ? 9 : 7)) {
    case 0:
      if (at < bytes.length) bytes[at]! ^= 1 << below(8)
      return bytes
    case 1:
      if (at < bytes.length) bytes[at] = EDGES[below(EDGES.length)]!
      return bytes
    case 2:
      return bytes.slice(0, at)
    case 3:
      return joined(bytes.subarray(0, at), bytes.subarray(to))
    case 4:
      return joined(bytes.subarray(0, at), noise(below(16)), bytes.subarray(at))
    case 5:
      return joined(bytes.subarray(0, to), bytes.subarray(at))
    case 7:
    case 8:
      return joined(bytes.subarray(0, at), Buffer.from(words[below(words.length)]!), bytes.subarray(to))
    default: {
      const other = seeds[below(seeds.length)]!
      return joined(bytes.subarray(0, at), other.subarray(below(other.length + 1)))
    }
  }
}

const joined = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.concat(parts))
