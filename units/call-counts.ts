/** Counts calls of units by how they ended. */

import { CancelledError, toLumosError } from '../interface/errors.ts'
import { Counter, type Family } from '../interface/metrics.ts'

export class CallCounts {
  readonly #calls = new Counter('lumos_unit_calls_total', 'Calls of units that have ended.', [
    'unit',
    'outcome'
  ])

  get family(): Family {
    return this.#calls.family
  }

  async whole<T>(unit: string, run: () => Promise<T>): Promise<T> {
    try {
      const value = await run()
      this.#calls.add(1, unit, 'ok')
      return value
    } catch (thrown) {
      this.#failed(unit, thrown)
      throw thrown
    }
  }

  async *pieces<T>(unit: string, items: AsyncIterable<T>): AsyncGenerator<T> {
    let outcome = new CancelledError().code as string
    try {
      yield* items
      outcome = 'ok'
    } catch (thrown) {
      outcome = toLumosError(thrown).code
      throw thrown
    } finally {
      this.#calls.add(1, unit, outcome)
    }
  }

  #failed(unit: string, thrown: unknown): void {
    this.#calls.add(1, unit, toLumosError(thrown).code)
  }
}
