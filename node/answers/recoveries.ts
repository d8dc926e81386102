/** Cut answers that are being gone on with: of each, one attempt at a time. */

import { CancelledError } from '../../interface/errors.ts'
import type { KeptAnswer } from './kept-answer.ts'

interface Recovery {
  readonly isRead: boolean
  readonly stop: AbortController
  readonly answer: Promise<KeptAnswer | undefined>
}

export type Recover = (name: string, isRead: boolean, signal: AbortSignal) => Promise<KeptAnswer | undefined>

export class Recoveries {
  readonly #recover: Recover
  readonly #under = new Map<string, Recovery>()

  constructor(recover: Recover) {
    this.#recover = recover
  }

  /**
   * An answer that was cut, from where it was cut. Nothing where it has ended, or no device has the rest.
   *
   * @param isRead whether a reader waits: then another device is asked to go on, once more where none did before.
   */
  recovered(name: string, isRead = false): Promise<KeptAnswer | undefined> {
    const known = this.#under.get(name)
    if (known !== undefined && (known.isRead || !isRead)) return known.answer
    const { stop } = known ?? { stop: new AbortController() }
    const answer = this.#after(known?.answer, name, isRead, stop.signal).finally(() => {
      if (this.#under.get(name)?.answer === answer) this.#under.delete(name)
    })
    this.#under.set(name, { stop, answer, isRead })
    return answer
  }

  /** Resolves once no device is asked for the rest of it. */
  async stopped(name: string): Promise<void> {
    const recovery = this.#under.get(name)
    recovery?.stop.abort(new CancelledError('The answer is not wanted any more.'))
    await recovery?.answer.catch(() => {})
  }

  async close(): Promise<void> {
    await Promise.all([...this.#under.keys()].map(name => this.stopped(name)))
  }

  /** A reader has other devices asked, where the attempt without one has found nothing. */
  async #after(before: Recovery['answer'] | undefined, ...[name, isRead, signal]: Parameters<Recover>) {
    return (await before?.catch(() => undefined)) ?? (await this.#recover(name, isRead, signal))
  }
}
