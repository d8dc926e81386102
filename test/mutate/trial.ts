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
import type { Mutant } from './draw.ts'
import { testsThatSee } from './sight.ts'

export interface Outcome {
  readonly killed: boolean
  /** The first test to fail, or what else ended the run. */
  readonly by: string
  readonly tests: number
  readonly seconds: number
}
interface Run {
  readonly passed: boolean
  readonly late: boolean
  /** The file and the name of the first test that failed. */
  readonly failed: readonly [file: string, name: string] | undefined
}
interface Report {
  readonly testResults: readonly {
    readonly name: string
    /** Why the file did not load; empty when it did. */
    readonly message: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

/** What ended the run of a mutant that hangs, or that the tests were too slow to see. */
export const LATE = 'the time limit'
/** Most faults are seen by the nearest tests: these run first. */
const NEAR = 5
/** Of a file that everything loads, the tests far away are left out. */
const TESTS_MAX = 40
const MESSAGE_CHARACTERS_MAX = 200

export class Trials {
  readonly root = mkdtempSync(join(tmpdir(), 'lumos-mutate-'))
  readonly #files: readonly string[]
  readonly #limitMs: number
  /** Whether a test file passes on the source as it is, once that was asked. */
  readonly #sound = new Map<string, boolean>()
  #running: ChildProcess | undefined
  #ended = false

  constructor(source: string, limitMs: number) {
    this.#limitMs = limitMs
    const listed = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
    const names = execFileSync('git', listed, { cwd: source, encoding: 'utf8' }).split('\0').filter(Boolean)
    for (const name of names) cpSync(join(source, name), join(this.root, name), { force: true })
    symlinkSync(join(source, 'node_modules'), join(this.root, 'node_modules'))
    this.#files = names.filter(name => name.endsWith('.ts'))
  }

  async try(mutant: Mutant): Promise<Outcome> {
    const began = performance.now()
    const left = testsThatSee(this.root, this.#files, mutant.file).slice(0, TESTS_MAX)
    const tests = left.length
    const outcome = (killed: boolean, by: string): Outcome => {
      return { killed, by, tests, seconds: Math.round((performance.now() - began) / 1000) }
    }
    const original = readFileSync(join(this.root, mutant.file))
    const clean = async <T>(ask: () => Promise<T>): Promise<T> => {
      writeFileSync(join(this.root, mutant.file), original)
      return await ask().finally(() => writeFileSync(join(this.root, mutant.file), mutant.text))
    }
    try {
      writeFileSync(join(this.root, mutant.file), mutant.text)
      for (let near = true; left.length > 0; near = false) {
        const batch = left.splice(0, near ? NEAR : TESTS_MAX)
        const run = await this.#run(batch)
        if (run.failed !== undefined) {
          const [file, name] = run.failed
          if (await clean(() => this.#isSound(file))) return outcome(true, `${file}: ${name}`)
          // A test that fails anyway says nothing; the others of its batch are asked again.
          left.unshift(...batch.filter(other => other !== file))
        } else if (run.late) {
          const hangs = near && !(await clean(() => this.#run(batch))).late
          return outcome(hangs, LATE)
        } else if (!run.passed) {
          // An error outside of tests, or one that cut short the report of its test.
          const { passed } = await clean(() => this.#run(batch))
          return outcome(passed, passed ? 'an error that names no test' : 'tests that fail anyway')
        }
      }
      return outcome(false, '')
    } finally {
      if (!this.#ended) writeFileSync(join(this.root, mutant.file), original)
    }
  }

  /** Ends what runs and takes the copy away. */
  end(): void {
    this.#ended = true
    if (this.#running?.pid !== undefined) this.#endAll(this.#running.pid)
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 })
  }

  async #isSound(file: string): Promise<boolean> {
    const known = this.#sound.get(file)
    if (known !== undefined) return known
    const { passed } = await this.#run([file])
    this.#sound.set(file, passed)
    return passed
  }

  async #run(tests: readonly string[]): Promise<Run> {
    if (this.#ended) return { passed: false, late: true, failed: undefined }
    const output = join(this.root, 'mutate.json')
    rmSync(output, { force: true })
    const vitest = join(this.root, 'node_modules/vitest/vitest.mjs')
    const args = [vitest, 'run', '--bail', '1', '--reporter', 'json', '--outputFile', output, ...tests]
    const child = spawn(process.execPath, args, { cwd: this.root, stdio: 'ignore', detached: true })
    this.#running = child
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#endAll(child.pid!)
    }, this.#limitMs)
    const [status] = await once(child, 'exit')
    clearTimeout(timer)
    // What a test started and left behind must not disturb the next.
    this.#endAll(child.pid!)
    this.#running = undefined
    return { passed: status === 0, late, failed: late ? undefined : this.#firstFailure(output) }
  }

  /** A run with all that it started: its group, and nodes that a test put into groups of their own. */
  #endAll(pid: number): void {
    kill(-pid)
    for (const stray of processesIn(this.root)) kill(stray)
  }

  #firstFailure(output: string): [string, string] | undefined {
    let report: Report
    try {
      report = JSON.parse(readFileSync(output, 'utf8'))
    } catch {
      return undefined
    }
    // Files that were still to run when the first test failed are called failed too, without a message.
    for (const { name, assertionResults, message } of report.testResults) {
      const test = assertionResults.find(({ status }) => status === 'failed')
      if (test !== undefined) return [relative(this.root, name), test.fullName]
      if (message !== '') return [relative(this.root, name), message.slice(0, MESSAGE_CHARACTERS_MAX)]
    }
    return undefined
  }
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
