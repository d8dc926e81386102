/**
 * Everything that happened in a virtual world, as one number: two runs of one
 * seed that differ anywhere end with different ones. The last of it is kept, for
 * whoever wants to see what led to a failure.
 */

/** Enough to see what led to a failure, and little enough to read. */
const KEPT = 256

interface Noted {
  atMs: number
  node: number
  what: string
  about: number
}

export class Trace {
  /** Two lanes of 32 bits, mixed as MurmurHash3 does: https://github.com/aappleby/smhasher */
  #high = 0x9747b28c
  #low = 0x5bd1e995
  #count = 0
  readonly #kept: Noted[] = Array.from({ length: KEPT }, () => ({ atMs: 0, node: 0, what: '', about: 0 }))
  readonly #codes = new Map<string, number>()
  readonly #time = new Float64Array(1)
  readonly #timeBits = new Uint32Array(this.#time.buffer)
  readonly #print: ((line: string) => void) | undefined

  /** @param print told of everything, as it happens. */
  constructor(print?: (line: string) => void) {
    this.#print = print
  }

  /** Events and effects noted so far. */
  get count(): number {
    return this.#count
  }

  /** 64 bits, as hex. */
  get hash(): string {
    return [this.#high, this.#low].map(lane => (lane >>> 0).toString(16).padStart(8, '0')).join('')
  }

  /**
   * Node `node` met `what`; `about` is a number that tells which.
   */
  note(atMs: number, node: number, what: string, about: number): void {
    let code = this.#codes.get(what)
    if (code === undefined) {
      code = codeOf(what)
      this.#codes.set(what, code)
    }
    this.#time[0] = atMs
    this.#mix(this.#timeBits[0]! ^ code, this.#timeBits[1]! ^ Math.imul(node + 1, 0x9e3779b1))
    this.#mix(about | 0, (about / 2 ** 32) | 0)

    const kept = this.#kept[this.#count++ % KEPT]!
    kept.atMs = atMs
    kept.node = node
    kept.what = what
    kept.about = about
    this.#print?.(lineOf(kept))
  }

  /** The last `count` that were noted, one a line. */
  last(count: number): string[] {
    const from = Math.max(0, this.#count - Math.min(count, KEPT))
    return Array.from({ length: this.#count - from }, (_, i) => lineOf(this.#kept[(from + i) % KEPT]!))
  }

  #mix(a: number, b: number): void {
    const high = Math.imul(this.#high ^ a, 0xcc9e2d51)
    const low = Math.imul(this.#low ^ b ^ (high >>> 15), 0x1b873593)
    this.#high = ((high << 13) | (high >>> 19)) + low
    this.#low = ((low << 15) | (low >>> 17)) ^ this.#high
  }
}

const lineOf = ({ atMs, node, what, about }: Noted): string =>
  `${(atMs / 1000).toFixed(3).padStart(10)} s  n${String(node).padEnd(4)} ${what} ${about}`

function codeOf(what: string): number {
  let code = 0x811c9dc5
  for (let i = 0; i < what.length; i++) code = Math.imul(code ^ what.charCodeAt(i), 0x01000193)
  return code
}
