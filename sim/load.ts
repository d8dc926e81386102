/** People who ask on and on, each a few things at a time. */

import type { Answer, Question } from './observer.ts'
import type { Stage } from './stage.ts'

const PAUSE_MS = 10

export interface LoadOptions {
  /** Indices of the nodes that ask. */
  readonly askers: readonly number[]
  /** Requests that each of them has under way. Default: one. */
  readonly atOnce?: number
  /** Instead, so many a second from each of them, however long the answers take. */
  readonly perSecond?: number
  /** Between an answer and the next question: without any, nobody else gets a turn. */
  readonly pauseMs?: number
  readonly question?: Question
}

/** One request of many, and when it was made. */
export interface Asked extends Answer {
  readonly asker: number
  readonly atMs: number
}

export class Load {
  /** In the order in which they ended. */
  readonly answers: Asked[] = []
  readonly #stage: Stage
  readonly #options: LoadOptions
  readonly #asking: Promise<void>[]
  /** When each request was made that has not ended. */
  readonly #underWay = new Set<{ readonly atMs: number }>()
  #ended = false

  constructor(stage: Stage, options: LoadOptions) {
    this.#stage = stage
    this.#options = options
    const { askers, atOnce = 1, perSecond } = options
    this.#asking = askers.flatMap(asker =>
      perSecond === undefined
        ? Array.from({ length: atOnce }, () => this.#askOnAndOn(asker))
        : [this.#askAtRate(asker, perSecond)]
    )
  }

  /** Nobody asks any more; all that was asked has ended when this resolves. */
  async end(): Promise<readonly Asked[]> {
    this.#ended = true
    await Promise.all(this.#asking)
    return this.answers
  }

  get failed(): readonly Asked[] {
    return this.answers.filter(({ code }) => code !== undefined)
  }

  /** Answers to what was asked from then on. */
  since(atMs: number): readonly Asked[] {
    return this.answers.filter(answer => answer.atMs >= atMs)
  }

  /** Whether all that was asked before then has ended. */
  isOverUntil(atMs: number): boolean {
    return [...this.#underWay].every(asked => asked.atMs >= atMs)
  }

  async #askOnAndOn(asker: number): Promise<void> {
    while (this.#goesOn) {
      await this.#ask(asker)
      await this.#stage.pause(this.#options.pauseMs ?? PAUSE_MS)
    }
  }

  async #askAtRate(asker: number, perSecond: number): Promise<void> {
    const beganMs = this.#stage.elapsedMs
    const underWay: Promise<void>[] = []
    while (this.#goesOn) {
      // A machine that was busy for a moment catches up.
      const due = ((this.#stage.elapsedMs - beganMs) / 1000) * perSecond
      while (underWay.length < due) underWay.push(this.#ask(asker))
      await this.#stage.pause(PAUSE_MS)
    }
    await Promise.all(underWay)
  }

  async #ask(asker: number): Promise<void> {
    const stage = this.#stage
    // Who does not run asks nothing.
    if (!stage.running.includes(asker)) return
    const atMs = stage.elapsedMs
    const asked = { atMs }
    this.#underWay.add(asked)
    const answer = await stage.ask(asker, this.#options.question)
    this.#underWay.delete(asked)
    this.answers.push({ ...answer, asker, atMs })
  }

  get #goesOn(): boolean {
    return !this.#ended && !this.#stage.signal.aborted
  }
}

/** The value below which this share of `values` lies; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

/** How often each code came, as `CODE 3`. */
export function codesOf(answers: readonly Answer[]): string {
  const counts = new Map<string, number>()
  for (const { code } of answers) if (code !== undefined) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts].map(([code, count]) => `${code} ${count}`).join(', ')
}
