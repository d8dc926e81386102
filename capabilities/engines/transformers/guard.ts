/** Holds the tokens of an answer to a grammar. */

import { InvalidInputError } from '../../../interface/errors.ts'
import { GrammarMachine, type State } from '../text/grammar-machine.ts'
import type { TokenBytes } from './token-bytes.ts'

/** States whose tokens are kept: most tokens of an answer are chosen in the same few. */
const STATES_KEPT_MAX = 16

interface Allowed {
  /** 1 for each token that is. */
  readonly tokens: Uint8Array
  /** Bytes that the text needs at least to end, after the token that needs most. */
  readonly rest: number
}

export class Guard {
  readonly #machine: GrammarMachine
  readonly #tokens: TokenBytes
  readonly #ends: ReadonlySet<number>
  readonly #allowed = new Map<State, Allowed>()
  #state: State
  /** Tokens that the answer may still have. */
  #room: number
  #isShortened = false

  /**
   * @param ends tokens that end an answer.
   * @throws {InvalidInputError} for a grammar that can be followed in too many ways.
   */
  constructor(grammar: string, tokens: TokenBytes, { ends, room }: GuardOptions) {
    this.#machine = new GrammarMachine(grammar)
    this.#tokens = tokens
    this.#ends = ends
    this.#room = room
    this.#state = this.#machine.start
  }

  /** Whether nothing may follow. */
  get isComplete(): boolean {
    return this.#state.ends && this.#state.ways.length === 0
  }

  /** Whether a token was not allowed because the text would not have come to its end. */
  get isShortened(): boolean {
    return this.#isShortened
  }

  allows(token: number): boolean {
    if (this.#ends.has(token)) return this.#state.ends
    this.#machine.begin(this.#state)
    const state = this.#after(this.#tokens.of(token))
    if (state === undefined || this.#hasRoomFor(state.rest)) return state !== undefined
    this.#isShortened = true
    return false
  }

  /**
   * Makes all tokens impossible that are not allowed.
   *
   * @throws {InvalidInputError} when none is.
   */
  mask(scores: Float32Array): void {
    let allowed = this.#allowed.get(this.#state)
    if (allowed === undefined) {
      allowed = this.#allAllowed(scores.length, () => true)
      if (this.#allowed.size === STATES_KEPT_MAX) this.#allowed.clear()
      this.#allowed.set(this.#state, allowed)
    }
    if (!this.#hasRoomFor(allowed.rest))
      allowed = this.#allAllowed(scores.length, rest => this.#hasRoomFor(rest))
    let isAny = false
    for (let token = 0; token < scores.length; token++) {
      if (allowed.tokens[token] === 1) isAny = true
      else scores[token] = Number.NEGATIVE_INFINITY
    }
    if (!isAny) throw new InvalidInputError('No token of the model can go on as the schema says.')
  }

  /** A token that is allowed. */
  take(token: number): void {
    this.#room--
    if (!this.#ends.has(token)) this.#state = this.#after(this.#tokens.of(token)) ?? this.#state
  }

  /** @returns whether the text is allowed: then it is taken. */
  takeText(text: string): boolean {
    const state = this.#after(Buffer.from(text))
    if (state !== undefined) this.#state = state
    return state !== undefined
  }

  /**
   * A token has a byte at least, so what needs `rest` bytes ends in as many tokens. A text that had no room to end from
   * the begin is cut wherever it is.
   */
  #hasRoomFor(rest: number): boolean {
    return rest < this.#room || this.#state.rest > this.#room
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
  #allAllowed(count: number, hasRoom: (rest: number) => boolean): Allowed {
    const { ids, bytes, shared } = this.#tokens
    const tokens = new Uint8Array(count)
    this.#machine.begin(this.#state)
    /** After each byte of the token before. */
    const after: (State | undefined)[] = [this.#state]
    let known = 0
    let most = 0
    for (let at = 0; at < bytes.length; at++) {
      const token = bytes[at]!
      let length = Math.min(shared[at]!, known)
      for (; length < token.length && after[length] !== undefined; length++)
        after[length + 1] = this.#machine.step(after[length]!, token[length]!)
      // Where it ended, or where it was not allowed any more.
      known = length
      const rest = length === token.length ? after[length]?.rest : undefined
      if (rest === undefined || !hasRoom(rest)) continue
      tokens[ids[at]!] = 1
      if (rest > most) most = rest
    }
    if (this.#state.ends) for (const token of this.#ends) tokens[token] = 1
    return { tokens, rest: most }
  }
}

interface GuardOptions {
  readonly ends: ReadonlySet<number>
  /** Tokens that the answer may have. */
  readonly room: number
}
