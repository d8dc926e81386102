/**
 * Browsers that have shown the token once, and the cookie they show instead.
 *
 * A page cannot add a header to everything it loads, and must not keep the
 * token where its scripts find it; a cookie that only the browser reads solves
 * both. It holds a number of its own, so it is worth nothing after its time, or
 * elsewhere. Sessions are kept as hashes over a restart of the node, each with
 * the hash of the token that began it, and end with that token. Cookies ignore
 * ports: the name holds the port, so that several nodes on one device do not
 * overwrite each other's, and a browser also shows it to other programs that
 * serve pages on this address.
 */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../interface/clock.ts'
import type { Logger } from '../interface/lifecycle.ts'
import { type Rate, Rates } from '../interface/rates.ts'
import type { Caller } from '../interface/units.ts'
import type { Asking } from './asking-form.ts'
import { HOLDER } from './callers.ts'
import { digestOf, type NamedTokens } from './named-tokens.ts'

/** A week: a dashboard is opened again with its link, which is one command away. */
export const SESSION_AGE_MAX_S = 7 * 24 * 3600
/** A person follows the link at once; found in a history later, it opens nothing. */
const LINK_AGE_MAX_S = 120
/** Links that were opened by none: the oldest goes. */
const LINKS_MAX = 8
/** The browsers of one caller: of its sessions the oldest goes, and none of another caller. */
const SESSIONS_MAX = 32
/** Of one named token. Each is a write of the disk, for which the node waits. */
const BEGUN: Rate = { burst: SESSIONS_MAX, perSecond: 1 }
/** 256 bits: not to be guessed. */
const ID_BYTES = 32
/** Another program on this address may have set some of the same name; more are an attack. */
const COOKIES_MAX = 8
const ROOT = 0

interface Session {
  readonly endMs: number
  /** With whose rights it was begun. */
  readonly caller: Caller
}

interface Link {
  readonly endMs: number
  readonly user?: number | undefined
}

/** What outlives the node: hashes alone. */
export interface SessionRecord {
  /** Of its id. */
  readonly sha256: string
  /** The hash of the token that began it. */
  readonly token: string
  /** By the clock of the wall. */
  readonly endsAtMs: number
}

/** Where sessions are kept, and by which tokens they are found to be whose. */
export interface KeptSessions {
  readonly store: { read(): readonly SessionRecord[]; write(records: readonly SessionRecord[]): void }
  readonly log: Logger
  /** The hash of the token of a caller. Undefined: its sessions are not kept. */
  tokenOf(caller: Caller): string | undefined
  /** Whose token has this hash now. */
  callerBy(token: string): Caller | undefined
}

export class Sessions {
  readonly #clock: Clock
  readonly #kept: KeptSessions | undefined
  /** By the hash of its id, so that looking one up takes the same time for every guess. */
  readonly #sessions = new Map<string, Session>()
  /** By the hash of the code. */
  readonly #links = new Map<string, Link>()
  readonly #begun: Rates

  constructor(clock: Clock, kept?: KeptSessions) {
    this.#clock = clock
    this.#kept = kept
    this.#begun = new Rates(clock, BEGUN)
  }

  /** Takes up those of the last run that have time left and whose token is still good. */
  restore(): void {
    for (const { sha256, token, endsAtMs } of this.#kept?.store.read() ?? []) {
      const caller = this.#kept?.callerBy(token)
      // A clock that was set back lengthens none.
      const leftMs = Math.min(endsAtMs - this.#clock.wallMs(), SESSION_AGE_MAX_S * 1000)
      if (caller !== undefined && leftMs > 0)
        this.#sessions.set(sha256, { endMs: this.#clock.monotonicMs() + leftMs, caller })
    }
  }

  /**
   * The id of a new one, which may do what its caller may, and ends with the caller's token.
   *
   * @throws {LumosError} `RATE_LIMITED`
   */
  begin(caller: Caller): string {
    const tooMany = caller.token === undefined ? undefined : this.#begun.take(caller.token)
    if (tooMany !== undefined) throw tooMany
    for (const [key, session] of this.#sessions) if (!this.#isOpen(session)) this.#sessions.delete(key)
    const own = [...this.#sessions].filter(([, session]) => session.caller === caller)
    if (own.length >= SESSIONS_MAX) this.#sessions.delete(own[0]![0])
    const id = randomBytes(ID_BYTES).toString('base64url')
    this.#sessions.set(digestOf(id), { endMs: this.#clock.monotonicMs() + SESSION_AGE_MAX_S * 1000, caller })
    try {
      this.#keep()
    } catch (err) {
      this.#kept?.log.warn({ err }, 'could not keep a session; it ends with this run of the node')
    }
    return id
  }

  /** The code of a link, by which one browser begins a session. @param user of this device, whose browser alone may. */
  link(user?: number): string {
    if (this.#links.size >= LINKS_MAX) this.#links.delete(this.#links.keys().next().value!)
    const code = randomBytes(ID_BYTES).toString('base64url')
    this.#links.set(digestOf(code), { endMs: this.#clock.monotonicMs() + LINK_AGE_MAX_S * 1000, user })
    return code
  }

  /**
   * Whether this is the code of a link that none has opened. It counts once.
   *
   * @param users of the program that shows it, where they are known.
   */
  redeem(code: string, users: () => readonly number[] = () => []): boolean {
    const key = digestOf(code)
    const { endMs, user } = this.#links.get(key) ?? { endMs: 0 }
    // Another one takes it from no session. Root needs no link, and passes on the connections of others.
    if (user !== undefined && users().some(one => one !== user && one !== ROOT)) return false
    this.#links.delete(key)
    return endMs > this.#clock.monotonicMs()
  }

  /** Undefined when it is over. */
  callerOf(id: string): Caller | undefined {
    const session = this.#sessions.get(digestOf(id))
    return session !== undefined && this.#isOpen(session) ? session.caller : undefined
  }

  /** For good when this returns. @throws {LumosError} where the disk cannot be written: it is over in this run alone. */
  end(id: string): void {
    if (this.#sessions.delete(digestOf(id))) this.#keep()
  }

  /**
   * How many there were. For good when this returns, those of tokens that stay good, too.
   *
   * @throws {LumosError} where the disk cannot be written: they are over in this run alone.
   */
  endAll(): number {
    const open = [...this.#sessions.values()].filter(session => this.#isOpen(session)).length
    this.#sessions.clear()
    this.#links.clear()
    this.#keep()
    return open
  }

  #keep(): void {
    if (this.#kept === undefined) return
    const { store, tokenOf } = this.#kept
    const offsetMs = this.#clock.wallMs() - this.#clock.monotonicMs()
    store.write(
      [...this.#sessions].flatMap(([sha256, session]) => {
        const token = this.#isOpen(session) ? tokenOf(session.caller) : undefined
        return token === undefined ? [] : { sha256, token, endsAtMs: Math.round(session.endMs + offsetMs) }
      })
    )
  }

  #isOpen({ endMs, caller }: Session): boolean {
    return endMs > this.#clock.monotonicMs() && !caller.ended?.aborted
  }
}

/** A session is of a token that is good now, or of none: the session of one that was replaced is not taken up. */
export function keptSessions(
  store: KeptSessions['store'] | undefined,
  credentials: () => { readonly token: string; readonly named?: NamedTokens | undefined },
  log: Logger
): KeptSessions | undefined {
  if (store === undefined) return undefined
  const own = () => digestOf(credentials().token)
  return {
    ...{ store, log },
    tokenOf: caller => (caller === HOLDER ? own() : credentials().named?.tokenOf(caller)),
    callerBy: token => (token === own() ? HOLDER : credentials().named?.callerBy(token))
  }
}

/** No script reads it, and no page of another site makes the browser send it. */
export const sessionCookie = (port: number, id: string, ageMaxS = SESSION_AGE_MAX_S): string =>
  `${nameOf(port)}=${id}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${ageMaxS}`

/** The ids that this request shows. */
export function sessionIdsOf({ headers, socket }: Asking): string[] {
  const start = `${nameOf(socket.localPort ?? 0)}=`
  return (headers.cookie ?? '')
    .split(';')
    .map(pair => pair.trim())
    .filter(pair => pair.startsWith(start))
    .slice(0, COOKIES_MAX)
    .map(pair => pair.slice(start.length))
}

const nameOf = (port: number): string => `lumos_session_${port}`
