/** What an engine's process says that no request asked for: its memory, and how its model is computed best. */

import { EngineFailedError } from '../../interface/errors.ts'
import { type FromEngine, THREADS_MAX, type Tuning } from './engine-messages.ts'
import type { OutputTail } from './output-tail.ts'

/** A report counts as much as a page of output, so a flood of them is one. */
const REPORT_COST_BYTES = 1024

export type EngineReport = Extract<FromEngine, { type: 'memory' | 'tuned' }>

export interface EngineReportsOptions {
  readonly output: OutputTail
  readonly tuning?: Tuning | undefined
  /** The process has said what memory it takes. */
  onMemory(): void
}

export class EngineReports {
  readonly #options: EngineReportsOptions
  memoryBytes = 0

  constructor(options: EngineReportsOptions) {
    this.#options = options
  }

  /** @throws {EngineFailedError} for what an engine must not say. */
  accept(report: EngineReport): void {
    const { output, tuning, onMemory } = this.#options
    const [number, least, most] =
      report.type === 'memory' ? [report.bytes, 0, Number.MAX_SAFE_INTEGER] : [report.threads, 1, THREADS_MAX]
    if (!(Number.isSafeInteger(number) && number >= least && number <= most))
      throw new EngineFailedError(`sent a report of ${report.type} that cannot be`)
    if (!output.count(REPORT_COST_BYTES)) throw new EngineFailedError('flooded its node with reports')
    if (report.type === 'tuned') tuning?.keep(number)
    else {
      this.memoryBytes = number
      onMemory()
    }
  }
}
