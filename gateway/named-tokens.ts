/**
 * Named tokens while the node runs: each allows its program some units, until it is revoked or expires. Its end is one
 * signal, which sessions, streams and kept answers of it follow.
 */

import { createHash } from 'node:crypto'
import type { Clock, Timer } from '../interface/clock.ts'
import { InvalidInputError, LumosError } from '../interface/errors.ts'
import type { Logger } from '../interface/lifecycle.ts'
import {
  expiresInS,
  type NamedToken,
  type NewToken,
  TOKENS_MAX,
  type TokenRecord,
  type TokenStore,
  type Tokens
} from '../interface/tokens.ts'
import type { Caller } from '../interface/units.ts'

/** When a token was used last is written this often at most: a write of the disk takes longer than a request. */
const USED_WRITE_MS = 3_600_000
/** The clock of the device may be set meanwhile, and a timer waits for 24 days at most. */
const EXPIRY_CHECK_MS_MAX = 60_000

interface Held {
  record: TokenRecord
  readonly caller: Caller
  readonly ending: AbortController
}

export interface NamedTokensOptions {
  readonly store: TokenStore
  readonly clock: Clock
  readonly log: Logger
}

export class NamedTokens implements Tokens {
  readonly #options: NamedTokensOptions
  /** By the hash of the secret, so that looking one up takes the same time for every guess. */
  #held: ReadonlyMap<string, Held>
  #expiry: Timer | undefined
  #writtenMs = Number.NEGATIVE_INFINITY

  constructor(options: NamedTokensOptions) {
    this.#options = options
    this.#held = new Map(options.store.read().map(record => [record.sha256, heldOf(record)]))
    this.#endExpired()
  }

  create({ name, permissions, units, expiresIn }: NewToken): { secret: string; token: NamedToken } {
    const { store, clock } = this.#options
    if (this.list().some(token => token.name === name)) {
      throw new InvalidInputError(`There is a token ${name} already.`, {
        hint: `Take another name, or end that one: lumos-node token revoke ${name}`
      })
    }
    if (this.#held.size >= TOKENS_MAX) {
      throw new InvalidInputError(`There are ${TOKENS_MAX} tokens, which is the most.`, {
        hint: 'End one that is not used: lumos-node token list, lumos-node token revoke NAME'
      })
    }
    const nowMs = clock.wallMs()
    const secret = store.newSecret()
    const record: TokenRecord = {
      name,
      permissions: [...new Set(permissions)],
      units: units ?? null,
      createdAtMs: nowMs,
      expiresAtMs: expiresIn === undefined ? null : nowMs + expiresInS(expiresIn)! * 1000,
      lastUsedAtMs: null,
      sha256: digestOf(secret)
    }
    this.#keep(new Map([...this.#held, [record.sha256, heldOf(record)]]))
    this.#endExpired()
    return { secret, token: shown(record) }
  }

  list(): readonly NamedToken[] {
    return [...this.#held.values()].map(({ record }) => shown(record))
  }

  revoke(name: string): void {
    const found = [...this.#held].find(([, { record }]) => record.name === name)
    if (found === undefined) {
      throw new LumosError('TOKEN_NOT_FOUND', `There is no token "${name}".`, {
        hint: 'All: lumos-node token list'
      })
    }
    const [digest, { ending }] = found
    this.#keep(new Map([...this.#held].filter(([other]) => other !== digest)))
    ending.abort()
  }

  /** The caller that shows this secret. */
  callerOf(secret: string): Caller | undefined {
    const held = this.#held.get(digestOf(secret))
    if (held === undefined) return undefined
    const { expiresAtMs } = held.record
    const nowMs = this.#options.clock.wallMs()
    if (expiresAtMs !== null && expiresAtMs <= nowMs) held.ending.abort()
    if (held.ending.signal.aborted) return undefined
    held.record = { ...held.record, lastUsedAtMs: nowMs }
    this.#writeUse()
    return held.caller
  }

  /** Whose secret has this hash. */
  callerBy(digest: string): Caller | undefined {
    const held = this.#held.get(digest)
    return held?.ending.signal.aborted ? undefined : held?.caller
  }

  /** The hash of the secret of a caller. */
  tokenOf(caller: Caller): string | undefined {
    return [...this.#held].find(([, held]) => held.caller === caller)?.[0]
  }

  #keep(held: ReadonlyMap<string, Held>): void {
    this.#options.store.write([...held.values()].map(({ record }) => record))
    this.#held = held
  }

  #writeUse(): void {
    const { clock, log } = this.#options
    if (clock.monotonicMs() - this.#writtenMs < USED_WRITE_MS) return
    this.#writtenMs = clock.monotonicMs()
    try {
      this.#keep(this.#held)
    } catch (err) {
      log.warn({ err }, 'could not write when tokens were used last')
    }
  }

  /** Now, and again when the next one expires. */
  #endExpired(): void {
    this.#expiry?.cancel()
    const nowMs = this.#options.clock.wallMs()
    let waitMs = Number.POSITIVE_INFINITY
    for (const { record, ending } of this.#held.values()) {
      if (record.expiresAtMs === null || ending.signal.aborted) continue
      if (record.expiresAtMs <= nowMs) ending.abort()
      else waitMs = Math.min(waitMs, record.expiresAtMs - nowMs)
    }
    if (waitMs === Number.POSITIVE_INFINITY) return
    this.#expiry = this.#options.clock.setTimer(
      () => this.#endExpired(),
      Math.min(waitMs, EXPIRY_CHECK_MS_MAX)
    )
  }
}

function heldOf(record: TokenRecord): Held {
  const ending = new AbortController()
  const { name, permissions, units } = record
  const caller: Caller = {
    origin: 'tcp',
    permissions,
    token: name,
    ended: ending.signal,
    ...(units !== null && { units })
  }
  return { record, caller, ending }
}

const shown = ({ sha256: _, ...token }: TokenRecord): NamedToken => token

/** What is kept of a secret that is not to be guessed. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url')
