/** How often each node asks again, counted by itself and held to its share. */

import { BrokenInvariant } from './promises.ts'

/** Retries of a node within ten seconds: a tenth of its requests, or ten. Restated on purpose, as above. */
const RETRIES_MIN = 10
const RETRY_SHARE = 0.1
const RETRY_WINDOW_MS = 10_000
/** The core counts by the second, so it may count the requests of one more. */
const REQUEST_WINDOW_MS = 11_000

interface Asks {
  readonly requests: number[]
  readonly retries: number[]
}

export class Retries {
  /** When each node asked, and asked again; only the last seconds. */
  readonly #asks = new Map<number, Asks>()

  asked(node: number, nowMs: number): void {
    this.#of(node).requests.push(nowMs)
  }

  /** @throws {BrokenInvariant} `S13` where it was once too often. */
  retried(node: number, nowMs: number): void {
    const { requests, retries } = this.#of(node)
    retries.push(nowMs)
    while (retries[0]! <= nowMs - RETRY_WINDOW_MS) retries.shift()
    while (requests.length > 0 && requests[0]! < nowMs - REQUEST_WINDOW_MS) requests.shift()
    const budget = Math.max(RETRIES_MIN, RETRY_SHARE * requests.length)
    if (retries.length > budget)
      throw new BrokenInvariant('S13', `n${node} made ${retries.length} retries of ${budget.toFixed(1)}`)
  }

  forget(node: number): void {
    this.#asks.delete(node)
  }

  #of(node: number): Asks {
    const asks = this.#asks.get(node) ?? { requests: [], retries: [] }
    this.#asks.set(node, asks)
    return asks
  }
}
