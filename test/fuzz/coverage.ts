/**
 * Which parts of this project's code an input reached that none had reached before, by V8's own counters:
 * nothing is instrumented, and what runs is the source.
 */

import { Session } from 'node:inspector'
import { fileURLToPath } from 'node:url'

/** Ours, and not what tests it. */
const ROOT = new URL('../..', import.meta.url).href
const ELSEWHERE = ['node_modules/', 'test/', 'sim/'].map(folder => ROOT + folder)

interface Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}
interface Script {
  readonly url: string
  readonly functions: readonly { readonly ranges: readonly Range[] }[]
}
type Block = Pick<Range, 'startOffset' | 'endOffset'>

export class Coverage {
  readonly #session = new Session()
  /** By function that was ever called: its blocks that never ran. */
  #missed = new Map<string, Block[]>()

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  /** Forget what was reached. */
  clear(): void {
    this.#missed = new Map()
    this.#take()
  }

  /**
   * How many functions and blocks ran since the last call that had never run before.
   *
   * @param remember whether they count as reached from now on.
   */
  news(remember: boolean): number {
    let found = 0
    for (const { url, functions } of this.#take()) {
      if (!url.startsWith(ROOT) || ELSEWHERE.some(folder => url.startsWith(folder))) continue
      for (const { ranges } of functions) found += this.#newsOf(url, ranges, remember)
    }
    return found
  }

  #newsOf(url: string, [whole, ...blocks]: readonly Range[], remember: boolean): number {
    if (whole === undefined || whole.count === 0) return 0
    const name = `${fileURLToPath(url)}:${whole.startOffset}-${whole.endOffset}`
    const idle = blocks.filter(({ count }) => count === 0)
    const missed = this.#missed.get(name)
    // A block that runs as often as what is around it is not listed; one that does not run always is.
    const still = missed?.filter(block => idle.some(each => contains(each, block))) ?? idle
    if (remember) this.#missed.set(name, still)
    return missed === undefined ? 1 : missed.length - still.length
  }

  #take(): readonly Script[] {
    let scripts: readonly Script[] = []
    // On the same thread the answer comes before the call returns.
    this.#session.post('Profiler.takePreciseCoverage', (_err, { result }) => {
      scripts = result as unknown as Script[]
    })
    return scripts
  }
}

const contains = (outer: Block, inner: Block): boolean =>
  outer.startOffset <= inner.startOffset && outer.endOffset >= inner.endOffset
