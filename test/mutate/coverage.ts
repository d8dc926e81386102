/** What each test file executes of the product, and how long it takes: collected once, kept in `coverage/mutants/`. */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mutant } from './draw.ts'
import { digestOf, type FileLines, linesIn } from './lines.ts'
import { isNear, testsThatSee } from './sight.ts'
import type { Report } from './trial.ts'

export interface Executed {
  /** Of the test file: another text of it is collected again. */
  readonly digest: string
  readonly costMs: number
  /** Absent when the test did not pass meanwhile: what it executes is then unknown. */
  readonly files?: Readonly<Record<string, FileLines>>
}
export interface Chosen {
  readonly test: string
  readonly costMs: number
}

/** So many run before what they left on disk is read: some hundred megabytes. */
const TESTS_AT_ONCE = 12
/** Processes of engines are confined or killed: what they execute is not reported. */
const UNREPORTED = /^capabilities\/(engines|host)\//
/** Of a test whose cost is unknown. */
const COST_MS_DEFAULT = 10_000
/** The tests of the same folder find most faults: they are asked before others that cost as much. */
const NEAR_WEIGHT = 0.25

export class Coverage {
  readonly #kept: string
  readonly #root: string
  readonly #files: readonly string[]
  readonly #executed = new Map<string, Executed>()

  /** `root` has the source, `kept` is where the coverage stays from one run to the next. */
  constructor(root: string, kept: string, files: readonly string[]) {
    this.#root = root
    this.#kept = kept
    this.#files = files
    mkdirSync(kept, { recursive: true })
  }

  /** Collects what is not known yet of `tests`. `run` runs some of them, with what they execute written into a folder. */
  async collect(
    tests: readonly string[],
    run: (tests: readonly string[], into: string) => Promise<Report | undefined>,
    say: (line: string) => void
  ): Promise<void> {
    const missing = tests.filter(test => !this.#isKnown(test))
    const into = join(this.#root, 'coverage-now')
    for (let done = 0; done < missing.length; done += TESTS_AT_ONCE) {
      say(`coverage of ${missing.length - done} test files to collect`)
      const some = missing.slice(done, done + TESTS_AT_ONCE)
      const results = (await run(some, into))?.testResults ?? []
      for (const test of some) {
        const result = results.find(({ name }) => name === join(this.#root, test))
        const folder = join(into, encodeURIComponent(test))
        this.#keep(test, {
          digest: this.#digestOf(test),
          costMs: result === undefined ? COST_MS_DEFAULT : Math.round(result.endTime - result.startTime),
          ...(result?.status === 'passed' && existsSync(folder) && { files: linesIn(folder, this.#root) })
        })
      }
      rmSync(into, { recursive: true, force: true })
    }
  }

  /** The tests that execute a place of `mutant`, and all that might, the cheapest and nearest first. */
  testsFor(mutant: Pick<Mutant, 'file' | 'lines' | 'original'>, tests: readonly string[]): Chosen[] {
    const loading = new Set(testsThatSee(this.#root, this.#files, mutant.file))
    const digest = digestOf(mutant.original)
    const sees = (test: string): boolean => {
      const files = this.#executed.get(test)?.files
      if (files === undefined || UNREPORTED.test(mutant.file)) return loading.has(test)
      const lines = files[mutant.file]
      if (lines === undefined || lines.digest !== digest) return lines !== undefined
      return mutant.lines.some(line => lines.executed.some(([first, last]) => first <= line && line <= last))
    }
    const seeing = tests.filter(sees)
    const weightOf = (test: string) => this.#costOf(test) * (isNear(test, mutant.file) ? NEAR_WEIGHT : 1)
    return (seeing.length > 0 ? seeing : tests.filter(test => loading.has(test)))
      .sort((one, other) => weightOf(one) - weightOf(other))
      .map(test => ({ test, costMs: this.#costOf(test) }))
  }

  #costOf(test: string): number {
    return this.#executed.get(test)?.costMs ?? COST_MS_DEFAULT
  }

  #isKnown(test: string): boolean {
    const path = this.#pathOf(test)
    if (!existsSync(path)) return false
    const executed: Executed = JSON.parse(readFileSync(path, 'utf8'))
    if (executed.digest !== this.#digestOf(test)) return false
    this.#executed.set(test, executed)
    return true
  }

  #keep(test: string, executed: Executed): void {
    this.#executed.set(test, executed)
    writeFileSync(this.#pathOf(test), JSON.stringify(executed))
  }

  #digestOf(test: string): string {
    return digestOf(readFileSync(join(this.#root, test), 'utf8'))
  }

  #pathOf(test: string): string {
    return join(this.#kept, `${encodeURIComponent(test)}.json`)
  }
}
