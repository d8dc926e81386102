/**
 * A file that this device downloads together with others: a round, and another one without those that have listed what it is
 * not. It stays for a while after it is whole, for devices that still lack some of it.
 */

import { LumosError, toLumosError } from '../../../interface/errors.ts'
import type { OfComing, Share } from '../../../protocols/blocks/index.ts'
import type { StoredFile } from '../../../storage/weights/types.ts'
import type { IncomingFile } from '../transfer/incoming.ts'
import type { LeafLists } from './leaf-lists.ts'
import { Round, type RoundComponents } from './round.ts'

/** After so many rounds with lists that were wrong, this device takes nothing of others for the file. */
const WRONG_ROUNDS_MAX = 2
/** What was damaged on its way from the origin comes right the second time; an origin that sends it again lies. */
const OWN_ROUNDS_MAX = 2

export interface SharedFileComponents extends Omit<RoundComponents, 'fromOrigin'> {
  /** Of the model that it is for: what a peer may have is asked by it. */
  readonly name: string
  /** Unlike that of any other try: a device that has lists of that one begins anew. */
  readonly firstRound: number
}

export class SharedFile {
  readonly #components: SharedFileComponents
  readonly #shut = new Set<string>()
  readonly #earlier: LeafLists[] = []
  readonly #fromOrigin = new Set<number>()
  readonly #over = Promise.withResolvers<void>()
  #isAlone = false
  #round: Round

  constructor(components: SharedFileComponents) {
    this.#components = components
    this.#round = this.#newRound(components.firstRound)
  }

  get name(): string {
    return this.#components.name
  }

  get incoming(): IncomingFile {
    return this.#round.incoming
  }

  /** Resolves when it is whole, or given up. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  async run(signal: AbortSignal): Promise<StoredFile> {
    try {
      for (let own = 1, wrong = 1; ; this.#round = this.#newRound(this.#round.number + 1)) {
        try {
          const stored = await this.#round.run(signal)
          this.#judge(stored)
          return stored
        } catch (thrown) {
          const err = toLumosError(thrown)
          if (err.code !== 'WEIGHTS_INVALID') throw err
          const { lists } = this.#round
          if (lists.signers.length === 0) {
            if (own++ >= OWN_ROUNDS_MAX) throw err
            this.#fromOrigin.clear()
          }
          for (const peerId of lists.signers) this.#shut.add(peerId)
          if (lists.signers.length > 0 && wrong++ >= WRONG_ROUNDS_MAX) this.#isAlone = true
          this.#earlier.push(lists)
        }
      }
    } finally {
      this.#over.resolve()
    }
  }

  met(peerId: string): void {
    this.#round.met(peerId)
  }

  gone(peerId: string): void {
    this.#round.gone(peerId)
  }

  async answer(peerId: string, question: OfComing): Promise<Share | undefined> {
    return question.bytes === this.#components.content.bytes
      ? await this.#round.answer(peerId, question)
      : undefined
  }

  #newRound(number: number): Round {
    const { admits, firstRound, onKept } = this.#components
    return new Round(number, {
      ...this.#components,
      fromOrigin: this.#fromOrigin,
      // What stays from an earlier round was counted when it came.
      onKept: bytes => number === firstRound && onKept(bytes),
      admits: id => !this.#isAlone && !this.#shut.has(id) && admits(id),
      mayClaim: id => !this.#isAlone && !this.#shut.has(id) && this.#components.mayClaim(id)
    })
  }

  /** The file proves which lists were wrong. */
  #judge({ cid }: StoredFile): void {
    const { store, holders } = this.#components
    const whole = store.digestsOf(cid)
    const liars = [...this.#earlier, this.#round.lists].flatMap(lists => lists.liars(whole))
    for (const peerId of new Set(liars))
      holders.onLiar(
        peerId,
        new LumosError('WEIGHTS_INVALID', 'It listed leaves that the file does not have.')
      )
  }
}
