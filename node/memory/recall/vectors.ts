/**
 * Vectors of texts, as bytes, and those nearest to the one of a question. First the signs of all vectors are compared, 32 at
 * a time; of the best 2,000 the cosines decide. With fewer texts than that the order is exact but for the rounding to bytes.
 */

/** So many are compared by their cosine. */
const CLOSE_MAX = 2000
/** Room is made for so many vectors at once. */
const BLOCK = 1024
/** Beyond any model that is made for search. */
export const DIMENSIONS_MAX = 4096

/** What a vector belongs to, as filters ask. */
export interface Tags {
  readonly doc: number
  readonly writer: number
  /** Not a number: it has no time. */
  readonly at: number
}

/** Whether what has these {@link Tags} is asked for. */
export type Allows = (doc: number, writer: number, at: number) => boolean

interface Near {
  readonly id: number
  /** Times the length of the question. */
  readonly cosine: number
}

interface Block {
  readonly ids: Float64Array
  readonly docs: Int32Array
  readonly writers: Int32Array
  readonly ats: Float64Array
  readonly signs: Int32Array
  readonly bytes: Int8Array
  readonly lengths: Float32Array
}

export class Vectors {
  readonly dimensions: number
  readonly #words: number
  readonly #blocks: Block[] = []
  readonly #places = new Map<number, number>()

  constructor(dimensions: number) {
    this.dimensions = dimensions
    this.#words = Math.ceil(dimensions / 32)
  }

  /** About. */
  get bytes(): number {
    const each = this.dimensions + 4 * this.#words + 28
    return this.#blocks.length * BLOCK * each + this.#places.size * 40
  }

  /** @param vector rounded by {@link toBytes}. */
  put(id: number, { doc, writer, at }: Tags, vector: Int8Array): void {
    const place = this.#places.size
    if (place === this.#blocks.length * BLOCK) this.#blocks.push(newBlock(this.dimensions, this.#words))
    const block = this.#blocks[Math.floor(place / BLOCK)]!
    const row = place % BLOCK
    block.ids[row] = id
    block.docs[row] = doc
    block.writers[row] = writer
    block.ats[row] = at
    block.bytes.set(vector, row * this.dimensions)
    block.signs.set(signsOf(vector, this.#words), row * this.#words)
    block.lengths[row] = lengthOf(vector)
    this.#places.set(id, place)
  }

  /** The last one takes its place. */
  remove(id: number): void {
    const place = this.#places.get(id)
    if (place === undefined) return
    this.#places.delete(id)
    const last = this.#places.size
    if (place !== last) {
      const from = this.#blocks[Math.floor(last / BLOCK)]!
      const to = this.#blocks[Math.floor(place / BLOCK)]!
      move(from, last % BLOCK, to, place % BLOCK, this.dimensions, this.#words)
      this.#places.set(to.ids[place % BLOCK]!, place)
    }
    if (last === (this.#blocks.length - 1) * BLOCK) this.#blocks.pop()
  }

  /** The nearest first. */
  nearest(question: Float32Array, allows: Allows, limit: number): Near[] {
    const signs = signsOf(question, this.#words)
    const distances = new Int32Array(this.#places.size)
    const counts = new Uint32Array(this.dimensions + 1)
    this.#blocks.forEach((block, b) => {
      const rows = Math.min(BLOCK, distances.length - b * BLOCK)
      for (let row = 0; row < rows; row++) {
        const isAllowed = allows(block.docs[row]!, block.writers[row]!, block.ats[row]!)
        const distance = isAllowed ? differing(block.signs, row * this.#words, signs) : -1
        distances[b * BLOCK + row] = distance
        if (distance >= 0) counts[distance]!++
      }
    })
    return this.#closest(distances, farthestOf(counts), question, limit)
  }

  #closest(distances: Int32Array, farthest: number, question: Float32Array, limit: number): Near[] {
    const close: Near[] = []
    for (let place = 0; place < distances.length; place++) {
      const distance = distances[place]!
      if (distance < 0 || distance > farthest) continue
      const { ids, bytes, lengths } = this.#blocks[Math.floor(place / BLOCK)]!
      const row = place % BLOCK
      let dot = 0
      for (let i = 0, at = row * this.dimensions; i < this.dimensions; i++, at++)
        dot += bytes[at]! * question[i]!
      close.push({ id: ids[row]!, cosine: dot / (lengths[row]! || 1) })
    }
    return close.sort((a, b) => b.cosine - a.cosine).slice(0, limit)
  }
}

const newBlock = (dimensions: number, words: number): Block => ({
  ids: new Float64Array(BLOCK),
  docs: new Int32Array(BLOCK),
  writers: new Int32Array(BLOCK),
  ats: new Float64Array(BLOCK),
  signs: new Int32Array(BLOCK * words),
  bytes: new Int8Array(BLOCK * dimensions),
  lengths: new Float32Array(BLOCK)
})

function move(from: Block, row: number, to: Block, into: number, dimensions: number, words: number): void {
  for (const name of ['ids', 'docs', 'writers', 'ats', 'lengths'] as const) to[name][into] = from[name][row]!
  to.bytes.set(from.bytes.subarray(row * dimensions, (row + 1) * dimensions), into * dimensions)
  to.signs.set(from.signs.subarray(row * words, (row + 1) * words), into * words)
}

/** Bytes as large as they can be: the length of a vector says nothing. Undefined where a number of it is none. */
export function toBytes(vector: Float32Array): Int8Array | undefined {
  let most = 0
  for (let i = 0; i < vector.length; i++) {
    const size = Math.abs(vector[i]!)
    if (!(size < Number.POSITIVE_INFINITY)) return undefined
    if (size > most) most = size
  }
  const bytes = new Int8Array(vector.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round((vector[i]! / (most || 1)) * 127)
  return bytes
}

function signsOf(vector: Float32Array | Int8Array, words: number): Int32Array {
  const signs = new Int32Array(words)
  for (let i = 0; i < vector.length; i++) if (vector[i]! > 0) signs[i >> 5]! |= 1 << (i & 31)
  return signs
}

function lengthOf(vector: Int8Array): number {
  let sum = 0
  for (let i = 0; i < vector.length; i++) sum += vector[i]! ** 2
  return Math.sqrt(sum)
}

function differing(all: Int32Array, from: number, signs: Int32Array): number {
  let sum = 0
  for (let i = 0; i < signs.length; i++) {
    let bits = all[from + i]! ^ signs[i]!
    bits -= (bits >>> 1) & 0x5555_5555
    bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333)
    sum += Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
  }
  return sum
}

/** The largest distance of the {@link CLOSE_MAX} nearest. */
function farthestOf(counts: Uint32Array): number {
  let sum = 0
  for (let distance = 0; distance < counts.length; distance++) {
    sum += counts[distance]!
    if (sum >= CLOSE_MAX) return distance
  }
  return counts.length
}
