/** Holds the tokens of an answer to a grammar. */

import { InvalidInputError } from '../../../interface/errors.ts'
import { GrammarMachine, type State } from '../text/grammar-machine.ts'
import type { TokenBytes } from './token-bytes.ts'

/** States whose tokens are kept: most tokens of an answer are chosen in the same few. */
const STATES_KEPT_MAX = 16

export class Guard {
  readonly #machine: GrammarMachine
  readonly #tokens: TokenBytes
  readonly #ends: ReadonlySet<number>
  readonly #allowed = new Map<State, Uint8Array>()
  #state: State

  /**
   * @param ends tokens that end an answer.
   * @throws {InvalidInputError} for a grammar that can be followed in too many ways.
   */
  constructor(grammar: string, tokens: TokenBytes, ends: ReadonlySet<number>) {
    this.#machine = new GrammarMachine(grammar)
    this.#tokens = tokens
    this.#ends = ends
    this.#state = this.#machine.start
  }

  /** Whether nothing may follow. */
  get isComplete(): boolean {
    return this.#state.ends && this.#state.ways.length === 0
  }

  allows(token: number): boolean {
    if (this.#ends.has(token)) return this.#state.ends
    this.#machine.begin(this.#state)
    return this.#after(this.#tokens.of(token)) !== undefined
  }

  /**
   * Makes all tokens impossible that are not allowed.
   *
   * @throws {InvalidInputError} when none is.
   */
  mask(scores: Float32Array): void {
    let allowed = this.#allowed.get(this.#state)
    if (allowed === undefined) {
      allowed = this.#allAllowed(scores.length)
      if (this.#allowed.size === STATES_KEPT_MAX) this.#allowed.clear()
      this.#allowed.set(this.#state, allowed)
    }
    let isAny = false
    for (let token = 0; token < scores.length; token++) {
      if (allowed[token] === 1) isAny = true
      else scores[token] = Number.NEGATIVE_INFINITY
    }
    if (!isAny) throw new InvalidInputError('No token of the model can go on as the schema says.')
  }

  /** A token that is allowed, and no end. */
  take(token: number): void {
    if (!this.#ends.has(token)) this.#state = this.#after(this.#tokens.of(token)) ?? this.#state
  }

  /** @returns whether the text is allowed: then it is taken. */
  takeText(text: string): boolean {
    const state = this.#after(Buffer.from(text))
    if (state !== undefined) this.#state = state
    return state !== undefined
  }

  #after(bytes: Uint8Array | undefined): State | undefined {
    let state: State | undefined = bytes === undefined ? undefined : this.#state
    for (const byte of bytes ?? []) {
      if (state === undefined) break
      state = this.#machine.step(state, byte)
    }
    return state
  }

  /** In the order of their bytes, so what two of them begin with is followed once. */
  #allAllowed(count: number): Uint8Array {
    const { ids, bytes, shared } = this.#tokens
    const allowed = new Uint8Array(count)
    this.#machine.begin(this.#state)
    /** After each byte of the token before. */
    const after: (State | undefined)[] = [this.#state]
    let known = 0
    for (let at = 0; at < bytes.length; at++) {
      const token = bytes[at]!
      let length = Math.min(shared[at]!, known)
      for (; length < token.length && after[length] !== undefined; length++)
        after[length + 1] = this.#machine.step(after[length]!, token[length]!)
      // Where it ended, or where it was not allowed any more.
      known = length
      if (length === token.length && after[length] !== undefined) allowed[ids[at]!] = 1
    }
    if (this.#state.ends) for (const token of this.#ends) allowed[token] = 1
    return allowed
  }
}
