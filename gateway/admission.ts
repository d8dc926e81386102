/** Which requests are answered: their callers, how often, and what is remembered of those that are refused. */

import type { ServerResponse } from 'node:http'
import type { Clock } from '../interface/clock.ts'
import type { LumosError } from '../interface/errors.ts'
import type { Caller } from '../interface/units.ts'
import { type AdoptedAccess, admit, foreignOrigin, isOpenai, type TcpAccess } from './access.ts'
import type { Asking } from './asking-form.ts'
import { RateLimits } from './rate-limits.ts'
import { RefusedOrigins } from './refused-origins.ts'

export class Admission {
  readonly #limits: RateLimits
  readonly #refusedOrigins: RefusedOrigins

  constructor(clock: Clock) {
    this.#limits = new RateLimits(clock)
    this.#refusedOrigins = new RefusedOrigins(clock)
  }

  /** Origins of pages that were refused `/v1` in the last hour, the newest first. */
  get refusedOrigins(): readonly string[] {
    return this.#refusedOrigins.list()
  }

  /** The caller, or why the request is not answered. */
  of(incoming: Asking, access: TcpAccess | AdoptedAccess | undefined): Caller | LumosError {
    const caller = admit(incoming, access)
    const refused = this.#limits.refusalOf(incoming, caller)
    if (refused === undefined) return caller
    const isPage = access !== undefined && 'token' in access && isOpenai(incoming)
    const origin = isPage ? foreignOrigin(incoming, access) : undefined
    if (origin !== undefined) this.#refusedOrigins.note(origin)
    return refused
  }
}

/** An answer under way ends with the token that it was asked for with. */
export function cutWith({ ended }: Caller, outgoing: ServerResponse): void {
  if (ended === undefined) return
  const cut = () => outgoing.destroy()
  ended.addEventListener('abort', cut)
  outgoing.on('close', () => ended.removeEventListener('abort', cut))
}
