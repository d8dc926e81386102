/** What a method of gRPC is here. */

import type { Clock } from '../../interface/clock.ts'
import type { Caller } from '../../interface/units.ts'
import type { UnitRegistry } from '../../units/index.ts'
import type { Asking } from '../asking-form.ts'
import type { KeptCalls } from '../kept-calls.ts'
import type { GrpcCall } from './call.ts'

export interface MethodComponents {
  units(): Promise<UnitRegistry>
  readonly clock: Clock
  /** Aborts when the gateway begins to close. */
  readonly closing: AbortSignal
}

export interface Asked extends MethodComponents {
  /** Under idempotency keys. */
  readonly kept: KeptCalls
  readonly call: GrpcCall
  readonly caller: Caller
  readonly incoming: Asking
}

/** Sends its answers; the call ends when it resolves, and with the error that it throws. */
export type Method = (asked: Asked) => Promise<void>
/** By path. */
export type Methods = Readonly<Record<string, Method>>
