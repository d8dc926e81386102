/** A copy of the source, in which mutants are tried: what is checked out stays as it is. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { type Chosen, Coverage } from './coverage.ts'
import type { Mutant } from './draw.ts'
import { testsAmong } from './sight.ts'

export interface Outcome {
  readonly killed: boolean
  /** The first test to fail, or what else ended the run. */
  readonly by: string
  /** How many test files execute its place. */
  readonly tests: number
  readonly seconds: number
}
interface Failure {
  readonly file: string
  readonly name: string
  readonly message: string
}
interface Run {
  readonly passed: boolean
  readonly late: boolean
  /** Of the first test that failed. */
  readonly failure: Failure | undefined
}
export interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly startTime: number
    readonly endTime: number
    /** Why the file did not load; empty when it did. */
    readonly message: string
    readonly assertionResults: readonly {
      readonly status: string
      readonly fullName: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

/** What ended the run of a mutant that hangs, or that the tests were too slow to see. */
export const LATE = 'the time limit'
/** Most faults are seen by the first tests: these run before all others, and take so long together. */
const FIRST_MS_MAX = 10_000
/** On a busy machine tests take longer than when their coverage was collected. */
const SLOWDOWN_MAX = 4
/** What fails this late, or for its time, may fail for the load of the machine: it is asked again. */
const SURE_MS_MAX = 5_000
const OF_TIME = /time[d ]?-?out|timeout|deadline|too (late|slow|long)/i
const MESSAGE_CHARACTERS_MAX = 200
/** For some test files, whatever hangs. */
const COLLECTING_MS_MAX = 600_000
const CONFIG = 'test/mutate/vitest.config.ts'

export class Trials {
  readonly root = mkdtempSync(join(tmpdir(), 'lumos-mutate-'))
  readonly #tests: readonly string[]
  readonly #limitMs: number
  readonly #coverage: Coverage
  /** Whether a test file passes on the source as it is, once that was asked. */
  readonly #sound = new Map<string, boolean>()
  #running: ChildProcess | undefined
  #ended = false

  /** @param fast without slow tests: what survives may die there. */
  constructor(source: string, limitMs: number, fast: boolean) {
    this.#limitMs = limitMs
    const listed = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
    const names = execFileSync('git', listed, { cwd: source, encoding: 'utf8' }).split('\0').filter(Boolean)
    for (const name of names) cpSync(join(source, name), join(this.root, name), { force: true })
    symlinkSync(join(source, 'node_modules'), join(this.root, 'node_modules'))
    const files = names.filter(name => name.endsWith('.ts'))
    this.#tests = testsAmong(files, fast)
    this.#coverage = new Coverage(this.root, join(source, 'coverage', 'mutants'), files)
  }

  async collectCoverage(say: (line: string) => void): Promise<void> {
    const run = async (tests: readonly string[], into: string): Promise<Report | undefined> => {
      await this.#spawn(tests, { limitMs: COLLECTING_MS_MAX, env: { MUTATE_COVERAGE: into } })
      return this.#report()
    }
    await this.#coverage.collect(this.#tests, run, say)
  }

  async try(mutant: Mutant): Promise<Outcome> {
    const began = performance.now()
    const chosen = this.#coverage.testsFor(mutant, this.#tests)
    const left = [...chosen]
    const outcome = (killed: boolean, by: string): Outcome => {
      return { killed, by, tests: chosen.length, seconds: Math.round((performance.now() - began) / 1000) }
    }
    const clean = async <T>(ask: () => Promise<T>): Promise<T> => {
      writeFileSync(join(this.root, mutant.file), mutant.original)
      return await ask().finally(() => writeFileSync(join(this.root, mutant.file), mutant.text))
    }
    try {
      writeFileSync(join(this.root, mutant.file), mutant.text)
      for (let first = true; left.length > 0; first = false) {
        const batch = first ? takeFirst(left) : left.splice(0)
        const run = await this.#run(batch)
        if (run.failure !== undefined) {
          const { file, name } = run.failure
          const test = batch.find(each => each.test === file)!
          if (await this.#isSure(test, run.failure, clean)) return outcome(true, `${file}: ${name}`)
          // A test that fails anyway says nothing; the others of its batch are asked again.
          left.unshift(...batch.filter(other => other !== test))
        } else if (run.late) {
          const { passed } = await clean(() => this.#run(batch))
          return outcome(passed, LATE)
        } else if (!run.passed) {
          // An error outside of tests, or one that cut short the report of its test.
          const { passed } = await clean(() => this.#run(batch))
          return outcome(passed, passed ? 'an error that names no test' : 'tests that fail anyway')
        }
      }
      return outcome(false, '')
    } finally {
      if (!this.#ended) writeFileSync(join(this.root, mutant.file), mutant.original)
    }
  }

  /** Ends what runs and takes the copy away. */
  end(): void {
    this.#ended = true
    if (this.#running?.pid !== undefined) this.#endAll(this.#running.pid)
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 })
  }

  /** Whether the failure is the mutant's: the test passes without it, and fails again where time may have been the reason. */
  async #isSure(
    test: Chosen,
    { message }: Failure,
    clean: <T>(ask: () => Promise<T>) => Promise<T>
  ): Promise<boolean> {
    const isOfTime = test.costMs > SURE_MS_MAX || OF_TIME.test(message)
    if (isOfTime && (await this.#run([test])).passed) return false
    const sound = this.#sound.get(test.test) ?? (await clean(() => this.#run([test]))).passed
    this.#sound.set(test.test, sound)
    return sound
  }

  async #run(tests: readonly Chosen[]): Promise<Run> {
    if (this.#ended) return { passed: false, late: true, failure: undefined }
    const costMs = tests.reduce((sum, each) => sum + each.costMs, 0)
    const limitMs = this.#limitMs + SLOWDOWN_MAX * costMs
    const names = tests.map(({ test }) => test)
    const { status, late } = await this.#spawn(names, { limitMs, args: ['--bail', '1'] })
    return { passed: status === 0, late, failure: late ? undefined : this.#firstFailure() }
  }

  async #spawn(
    tests: readonly string[],
    { limitMs, args = [], env = {} }: { limitMs: number; args?: string[]; env?: Record<string, string> }
  ): Promise<{ status: number | null; late: boolean }> {
    rmSync(this.#output, { force: true })
    const vitest = join(this.root, 'node_modules/vitest/vitest.mjs')
    const options = ['--config', CONFIG, '--reporter', 'json', '--outputFile', this.#output, ...args]
    const child = spawn(process.execPath, [vitest, 'run', ...options, ...tests], {
      ...{ cwd: this.root, stdio: 'ignore', detached: true },
      env: { ...process.env, NODE_COMPILE_CACHE: join(this.root, 'compiled'), ...env }
    })
    this.#running = child
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#endAll(child.pid!)
    }, limitMs)
    const [status] = await once(child, 'exit')
    clearTimeout(timer)
    // What a test started and left behind must not disturb the next.
    this.#endAll(child.pid!)
    this.#running = undefined
    return { status, late }
  }

  /** A run with all that it started: its group, and nodes that a test put into groups of their own. */
  #endAll(pid: number): void {
    kill(-pid)
    for (const stray of processesIn(this.root)) kill(stray)
  }

  get #output(): string {
    return join(this.root, 'mutate.json')
  }

  #report(): Report | undefined {
    try {
      return JSON.parse(readFileSync(this.#output, 'utf8'))
    } catch {
      return undefined
    }
  }

  #firstFailure(): Failure | undefined {
    // Files that were still to run when the first test failed are called failed too, without a message.
    for (const { name, assertionResults, message } of this.#report()?.testResults ?? []) {
      const file = relative(this.root, name)
      const test = assertionResults.find(({ status }) => status === 'failed')
      if (test !== undefined)
        return { file, name: test.fullName, message: test.failureMessages?.join() ?? '' }
      if (message !== '') return { file, name: message.slice(0, MESSAGE_CHARACTERS_MAX), message }
    }
    return undefined
  }
}

function takeFirst(left: Chosen[]): Chosen[] {
  let ms = 0
  const count = left.findIndex(({ costMs }) => {
    ms += costMs
    return ms > FIRST_MS_MAX
  })
  return left.splice(0, count === -1 ? left.length : Math.max(1, count))
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/** Processes whose command line names `folder`. Linux only: elsewhere none are found. */
function processesIn(folder: string): number[] {
  if (!existsSync('/proc/self/cmdline')) return []
  return readdirSync('/proc').flatMap(name => {
    const pid = Number(name)
    try {
      return pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder) ? [pid] : []
    } catch {
      return []
    }
  })
}
