/**
 * What a token of each model costs this machine in energy, where its system lets this process read that: what the processors
 * use while the machine answers, by the tokens that it gives meanwhile.
 */

import type { Clock } from '../interface/clock.ts'
import { JOULES_PER_TOKEN_MAX } from '../interface/manifest.ts'

/** Fewer tokens say little beside what the machine uses anyway. */
const TOKENS_MIN = 16
/** A machine that never rests is measured all the same. */
const SPELL_MS_MAX = 60_000
/** Of the newest measurement in the figure. */
const NEWEST_SHARE = 0.3

export interface EnergyMeterComponents {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** What the processors have used since some time; nothing where that cannot be read. */
  joules(): Promise<number | undefined>
}

/** From the first of answers that overlap to the end of the last. */
interface Spell {
  readonly beganMs: number
  readonly before: Promise<number | undefined>
  readonly models: Set<string>
  tokens: number
}

export class EnergyMeter {
  readonly #components: EnergyMeterComponents
  readonly #figures = new Map<string, number>()
  #running = 0
  #spell: Spell | undefined
  /** A machine that does not say it is not asked again. */
  #isOff = false

  constructor(components: EnergyMeterComponents) {
    this.#components = components
  }

  /** An engine is asked. */
  begin(): void {
    if (this.#running++ === 0) this.#next()
  }

  /** It has ended, with so many tokens. */
  end(model: string, tokens: number): void {
    this.#running--
    const spell = this.#spell
    if (spell === undefined) return
    spell.models.add(model)
    spell.tokens += tokens
    const isOver = this.#running === 0
    if (!isOver && this.#components.clock.monotonicMs() - spell.beganMs < SPELL_MS_MAX) return
    void this.#measure(spell)
    this.#spell = undefined
    if (!isOver) this.#next()
  }

  /** In joules a token, to two digits: a figure that hardly changes is not announced anew. */
  of(model: string): number | undefined {
    const figure = this.#figures.get(model)
    return figure === undefined ? undefined : Number(figure.toPrecision(2))
  }

  #next(): void {
    if (this.#isOff) return
    const { clock } = this.#components
    this.#spell = { beganMs: clock.monotonicMs(), before: this.#read(), models: new Set(), tokens: 0 }
  }

  async #measure({ before, models, tokens }: Spell): Promise<void> {
    const [from, to] = await Promise.all([before, this.#read()])
    if (from === undefined || to === undefined) {
      this.#isOff = true
      return
    }
    const [model, ...others] = models
    // Which of two models used it is not known. A counter that has begun anew says nothing.
    if (model === undefined || others.length > 0 || tokens < TOKENS_MIN || to <= from) return
    const figure = (to - from) / tokens
    if (figure > JOULES_PER_TOKEN_MAX) return
    const known = this.#figures.get(model)
    this.#figures.set(model, known === undefined ? figure : known + (figure - known) * NEWEST_SHARE)
  }

  #read(): Promise<number | undefined> {
    return this.#components.joules().catch(() => undefined)
  }
}
