/**
 * Calls whose outcome is kept for a while: those that carry an idempotency key, so that a repetition runs nothing twice,
 * and those that are asked for later. They go on when their client leaves, and are known to their caller alone.
 */

import type { Clock } from '../interface/clock.ts'
import { LumosError, OverloadedError, TimeoutError, toLumosError } from '../interface/errors.ts'
import type { Caller, Route } from '../interface/units.ts'
import { isLarge, toJson } from './json-answer.ts'

/** Ten minutes from the end of the call: longer than clients try again by themselves. */
const KEPT_MS = 600_000
/** Of one caller, under way and ended. None is forgotten early: what a key stands for would run again. */
const CALLS_MAX = 1024
const CALLS_RETRY_AFTER_MS = 10_000
/** Under way of one caller; more wait for no client. */
const RUNNING_MAX = 64
const RUNNING_RETRY_AFTER_MS = 1000
/** An answer that is larger is not kept, and a call is not kept in whole once those of its caller are larger. */
const ANSWER_BYTES_MAX = 1024 * 1024
const ANSWERS_BYTES_MAX = 8 * 1024 * 1024

export interface Outcome {
  readonly data?: unknown
  readonly error?: LumosError
}

export interface KeptCall {
  readonly id: string
  readonly unit: string
  /** Of what was asked: with one key it is the same each time. */
  readonly fingerprint: string
  readonly key: string | undefined
  /** The device that does the work, once that is known. */
  route: Route | undefined
  /** Absent while it is under way. */
  outcome?: Outcome
  /** Never fails. Of an answer that is not kept, only those who waited for it get it. */
  ended: Promise<Outcome>
  readonly ending: AbortController
}

export interface NewCall extends Pick<KeptCall, 'id' | 'unit' | 'fingerprint' | 'key'> {
  readonly budgetMs: number
  /** Begins the work; not called where a call with the key is known. */
  run(call: Pick<KeptCall, 'route'>, signal: AbortSignal): Promise<unknown>
}

interface Table {
  /** The one that began first comes first. */
  readonly calls: Map<string, KeptCall>
  bytes: number
}

export class KeptCalls {
  readonly #clock: Clock
  readonly #closing: AbortSignal
  /** What is kept for a token goes with it. */
  readonly #tables = new WeakMap<Caller, Table>()

  constructor({ clock, closing }: { readonly clock: Clock; readonly closing: AbortSignal }) {
    this.#clock = clock
    this.#closing = closing
  }

  /**
   * The call with this key, which is begun where there is none.
   *
   * @throws {LumosError} `CALL_CONFLICT` where the key was used for something else; `OVERLOADED`.
   */
  begin(caller: Caller, wanted: NewCall): KeptCall {
    const table = this.#tableOf(caller)
    const known = wanted.key && [...table.calls.values()].find(({ key }) => key === wanted.key)
    if (known) {
      if (known.fingerprint === wanted.fingerprint) return known
      throw new LumosError('CALL_CONFLICT', 'The idempotency key was used for another request.', {
        hint: 'Take a new key for each request, and the same for its repetition only.',
        details: { call_id: known.id }
      })
    }
    this.#checkRoom(table)
    return this.#start(caller, table, wanted)
  }

  /** @throws {LumosError} `CALL_UNKNOWN` */
  get(caller: Caller, id: string): KeptCall {
    const call = this.#tableOf(caller).calls.get(id)
    if (call !== undefined) return call
    throw new LumosError('CALL_UNKNOWN', 'There is no such call, or it ended more than ten minutes ago.')
  }

  #tableOf(caller: Caller): Table {
    const known = this.#tables.get(caller)
    if (known !== undefined) return known
    const table = { calls: new Map(), bytes: 0 }
    this.#tables.set(caller, table)
    return table
  }

  #checkRoom({ calls }: Table): void {
    if (calls.size >= CALLS_MAX)
      throw new OverloadedError(`${CALLS_MAX} calls are kept already.`, CALLS_RETRY_AFTER_MS)
    const running = [...calls.values()].filter(({ outcome }) => outcome === undefined)
    if (running.length >= RUNNING_MAX)
      throw new OverloadedError(`${RUNNING_MAX} kept calls are under way.`, RUNNING_RETRY_AFTER_MS)
  }

  #start({ ended: revoked }: Caller, table: Table, { run, budgetMs, ...named }: NewCall): KeptCall {
    const ending = new AbortController()
    const { promise: ended, resolve } = Promise.withResolvers<Outcome>()
    const call: KeptCall = { ...named, route: undefined, ended, ending }
    const late = this.#clock.setTimer(
      () => ending.abort(new TimeoutError(`No answer within ${budgetMs} ms.`)),
      budgetMs
    )
    const signal = AbortSignal.any([ending.signal, this.#closing, ...(revoked ? [revoked] : [])])
    // Begun before it is in the table: a call that is refused at once leaves no trace.
    const work = run(call, signal)
    table.calls.set(call.id, call)
    const end = (outcome: Outcome) => {
      late.cancel()
      this.#keep(table, call, outcome)
      resolve(outcome)
    }
    work.then(
      data => end({ data }),
      (thrown: unknown) => end({ error: toLumosError(thrown) })
    )
    return call
  }

  #keep(table: Table, call: KeptCall, outcome: Outcome): void {
    const forget = () => table.calls.delete(call.id)
    // Its caller is asked to send it again: with the same key, too.
    if (call.key !== undefined && outcome.error?.retryable) return void forget()
    const bytes = bytesOf(outcome.data, ANSWERS_BYTES_MAX - table.bytes)
    table.bytes += bytes ?? 0
    call.outcome = bytes === undefined ? { error: notKept(call) } : outcome
    call.ended = Promise.resolve(call.outcome)
    this.#clock.setTimer(() => {
      table.bytes -= bytes ?? 0
      forget()
    }, KEPT_MS)
  }
}

/** Undefined for an answer that is too large. */
function bytesOf(data: unknown, left: number): number | undefined {
  if (isLarge(data, ANSWER_BYTES_MAX)) return undefined
  const bytes = data === undefined ? 0 : toJson(data).length
  return bytes > left ? undefined : bytes
}

const notKept = ({ id }: KeptCall): LumosError =>
  new LumosError('CALL_CONFLICT', 'The call was done, and its answer was too large to be kept.', {
    hint: 'Ask for it without a key, or in pieces: POST /api/v2/stream',
    details: { call_id: id }
  })
