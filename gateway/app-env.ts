/** What the routes of the gateway share. */

import type { HttpBindings } from '@hono/node-server'
import type { Adoptable } from '../interface/adoption.ts'
import type { Clock } from '../interface/clock.ts'
import type { Logger } from '../interface/lifecycle.ts'
import type { Caller } from '../interface/units.ts'
import type { UnitRegistry } from '../units/index.ts'
import type { Aliases } from './asking/aliases.ts'
import type { Call } from './envelope.ts'
import type { Sessions } from './sessions.ts'

export interface AppComponents {
  readonly units: UnitRegistry
  readonly sessions: Sessions
  readonly clock: Clock
  readonly log: Logger
  /** Other names of models, of the settings. */
  readonly aliases: Aliases
  /** Aborts when the gateway begins to close. */
  readonly closing: AbortSignal
}

/** An answer that is one text, and needs no `Response`: to make one and to read its stream is a fifth of a small call. */
export interface TextAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>
  readonly body: string
}

export interface AppEnv {
  Bindings: HttpBindings & {
    /** The same object for all requests with one token. */
    caller: Caller
    /** On the port of another program: it is answered as that program does. */
    listener?: Adoptable | undefined
  }
  Variables: {
    call: Call
    /** Aborts when the client has gone without its answer. */
    gone: AbortSignal
    /** Written once the route has returned `RESPONSE_ALREADY_SENT`. */
    text?: TextAnswer
  }
}
