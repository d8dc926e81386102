/** A question put to devices on real networks: what is built, what is done to it, and what was found. */

import { Lab } from './lab.ts'
import type { Emulator } from './link.ts'

export interface LabScenario {
  readonly name: string
  /** What a run answers. */
  readonly question: string
  /** Devices, networks and what is done to them, in a sentence. */
  readonly setup: string
  /** Of a ladder or a matrix, each of which it can run on by itself. */
  readonly rungs?: readonly string[]
  /** It takes an hour: `all` leaves it out. */
  readonly isLong?: boolean
  /** @throws {NotRun} when this machine cannot build it. */
  run(lab: Lab, findings: Findings, rungs: readonly string[]): Promise<void>
}

/** The machine lacks what a scenario is built of: no answer, neither yes nor no. */
export class NotRun extends Error {}

/** `build`, whose failure means that this machine cannot. */
export async function orNotRun<T>(build: Promise<T>): Promise<T> {
  try {
    return await build
  } catch (cause) {
    throw new NotRun((cause as Error).message, { cause })
  }
}

interface Check {
  /** Of the link ladder, where one is climbed. */
  readonly rung?: string
  readonly promise: string
  readonly holds: boolean
  /** What was seen. */
  readonly detail?: string
}

export interface Figure {
  readonly rung?: string
  readonly metric: string
  readonly value: number
  readonly unit: string
}

/** What a run has found so far. A promise that does not hold is noted, and the run goes on. */
export class Findings {
  readonly checks: Check[] = []
  readonly figures: Figure[] = []
  /** What made links worse, if anything did. */
  emulator: Emulator | undefined
  /** The program that translated addresses, if one did. */
  translator: string | undefined
  /** What is found from now on belongs to this rung. */
  rung: string | undefined
  readonly #report: (line: string) => void

  /** @param report tells whoever watches. */
  constructor(report: (line: string) => void) {
    this.#report = report
  }

  say(line: string): void {
    this.#report(line)
  }

  check(promise: string, holds: boolean, detail?: string): void {
    const { rung } = this
    this.checks.push({ rung, promise, holds, detail })
    const where = rung === undefined ? '' : `${rung}: `
    this.#report(`${holds ? 'yes' : 'NO '} ${where}${promise}${detail === undefined ? '' : `: ${detail}`}`)
  }

  /** @param value not a number when there was nothing to measure. */
  figure(metric: string, value: number, unit: string): void {
    if (Number.isNaN(value)) return
    this.figures.push({ rung: this.rung, metric, value: Math.round(value * 100) / 100, unit })
  }

  /** A promise about time. It does not hold when `work` fails, or has not ended by then. */
  async within(
    promise: string,
    limitMs: number,
    work: (withinMs: number) => Promise<unknown>
  ): Promise<void> {
    const beganMs = performance.now()
    const failure = await inTime(work(limitMs), limitMs).then(
      () => undefined,
      err => (err as Error).message
    )
    const tookMs = performance.now() - beganMs
    if (failure === undefined) this.figure(promise, tookMs, 'ms')
    this.check(promise, failure === undefined, failure ?? `${seconds(tookMs)}, at most ${seconds(limitMs)}`)
  }
}

async function inTime(work: Promise<unknown>, limitMs: number): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`not within ${seconds(limitMs)}`)), limitMs)
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

export interface Outcome {
  readonly scenario: string
  readonly question: string
  readonly setup: string
  readonly outcome: 'passed' | 'failed' | 'not run'
  /** Why it failed outright, or did not run. */
  readonly reason?: string
  readonly emulator: Emulator | null
  readonly translator: string | null
  readonly checks: readonly Check[]
  readonly figures: readonly Figure[]
  readonly durationMs: number
}

export async function outcomeOf(
  scenario: LabScenario,
  rungs: readonly string[],
  report: (line: string) => void
): Promise<Outcome> {
  const { name, question, setup } = scenario
  const findings = new Findings(report)
  const beganMs = performance.now()
  let reason: string | undefined
  let ran = true
  try {
    await using lab = await Lab.create()
    await scenario.run(lab, findings, rungs)
  } catch (err) {
    ran = !(err instanceof NotRun)
    reason = (err as Error).message
  }
  const { checks, figures, emulator = null, translator = null } = findings
  const passed = reason === undefined && checks.every(({ holds }) => holds)
  return {
    scenario: name,
    question,
    setup,
    outcome: !ran ? 'not run' : passed ? 'passed' : 'failed',
    reason,
    emulator,
    translator,
    checks,
    figures,
    durationMs: Math.round(performance.now() - beganMs)
  }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`
