/** Units of other devices: what a peer may ask of this one, and what this one asks of a peer. */

import type { AbortOptions } from './lifecycle.ts'
import type { Permission, Route, UnitContext, UnitKind } from './units.ts'

/** A call as it travels. What it takes and gives is JSON. */
export interface UnitCall {
  readonly unit: string
  readonly input: unknown
  /** The same in the logs of both devices. */
  readonly requestId: string
  /** Time for the whole answer. An answer in pieces goes on until its caller leaves. */
  readonly budgetMs: number
  /** The trace of a client that it belongs to, as in `traceparent`. */
  readonly traceId?: string | undefined
}

/** What answers peers: the registry of units. It refuses what is not for peers. */
export interface UnitServer {
  /** @throws {LumosError} `UNIT_NOT_FOUND` */
  get(unit: string): { readonly permission: Permission; readonly kind: UnitKind }
  execute(unit: string, input: unknown, context: UnitContext): Promise<unknown>
  stream(unit: string, input: unknown, context: UnitContext): AsyncIterable<unknown>
}

export interface RemoteUnits {
  /** Answers peers from now on, in each mesh. `load` runs with the first call of a peer. */
  serve(load: () => Promise<UnitServer>): void
  /**
   * The device that is called so.
   *
   * @throws {LumosError} `PEER_NOT_FOUND`, or `INVALID_INPUT` where several are.
   */
  find(called: string): Route
  /**
   * Runs a unit on another device.
   *
   * @throws {LumosError} what the unit throws there; `NOT_SUPPORTED` where its version is too old; `PEER_UNREACHABLE`.
   */
  execute(peerId: string, call: UnitCall, options?: AbortOptions): Promise<unknown>
  /** The same for an answer in pieces. Leaving the loop cancels it there. */
  stream(peerId: string, call: UnitCall, options?: AbortOptions): AsyncIterable<unknown>
}
