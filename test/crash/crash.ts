/** Kills a process in the middle of a workload and looks at what it left. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { programAt } from '../program.ts'
import { brokenPromise, type Contents, type Deed, type Step, type Workload } from './workload.ts'

const PROGRAM = programAt('test/crash/dying-process.ts')
const POINTS = fileURLToPath(new URL('./points.ts', import.meta.url))

/** What a process told of itself. */
export interface Words {
  readonly deeds: readonly Deed[]
  /** Whether it came to its end. */
  readonly ended: boolean
  /** Calls that change files, and the numbers of those that write bytes, when it ended. */
  readonly points: number
  readonly writes: readonly number[]
  /** Codes of what failed without ending it. */
  readonly failures: readonly string[]
}

/** Keeps an account of what a process tells, line by line. */
export class Account {
  words: Words = { deeds: [], ended: false, points: 0, writes: [], failures: [] }
  readonly #steps: readonly Step[]

  constructor(workload: Workload, home: string) {
    this.#steps = workload.steps(home)
  }

  hear(line: string): void {
    const { begun, done, logBytes, failed, ...rest } = JSON.parse(line)
    const { deeds, failures } = this.words
    this.words = { ...this.words, ...rest }
    if (begun !== undefined) {
      const { changes, piecemeal = false } = this.#steps[begun]!
      this.words = { ...this.words, deeds: [...deeds, { changes, piecemeal, unsure: true }] }
    } else if (done !== undefined) {
      const last = { changes: done, piecemeal: false, unsure: false, logBytes }
      this.words = { ...this.words, deeds: deeds.with(-1, last) }
    } else if (failed !== undefined) this.words = { ...this.words, failures: [...failures, failed] }
  }
}

export interface Life extends Words {
  readonly signal: NodeJS.Signals | null
}

/** Lets a process live through the workload; `env` says how it dies. */
export async function live(
  workload: Workload,
  home: string,
  env: Readonly<Record<string, string>>
): Promise<Life> {
  const preload = ['--import', pathToFileURL(POINTS).href]
  const child = spawn(process.execPath, [...preload, PROGRAM, workload.name, home], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  const account = new Account(workload, home)
  for await (const line of createInterface(child.stdout)) account.hear(line)
  const [exitCode, signal] = await exited
  assert.ok(signal === 'SIGKILL' || exitCode === 0, `${workload.name} ended with ${signal ?? exitCode}`)
  return { ...account.words, signal }
}

/** A home in which the workload can begin. */
export async function freshHome(workload: Workload) {
  const path = await mkdtemp(join(tmpdir(), 'lumos-crash-'))
  await workload.prepare?.(path)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/**
 * Two starts, because the first one may itself have left something that the second cannot bear.
 *
 * @throws unless each finds what it must.
 */
export async function expectPromise(
  workload: Workload,
  home: string,
  { deeds }: Pick<Words, 'deeds'>,
  broken: (deeds: readonly Deed[], observed: Contents) => string | undefined = brokenPromise
): Promise<void> {
  for (const start of ['first', 'second']) {
    const observed = await workload.observe(home).catch(err => {
      throw new Error(`at the ${start} start: ${(err as Error).message}`, { cause: err })
    })
    assert.equal(broken(deeds, observed), undefined, `at the ${start} start`)
  }
}
