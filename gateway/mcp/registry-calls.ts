/** The units of this process, for the caller of one request. */

import { requestIdOf } from '../../interface/answers.ts'
import type { Caller, UnitContext } from '../../interface/units.ts'
import { mayCall, type UnitRegistry } from '../../units/index.ts'
import { traceOf } from '../trace.ts'
import { type CallOptions, MCP_BUDGET_MS, type UnitCalls } from './calls.ts'

/** @param traceId of the request that the calls are in; a call may name another. */
export function registryCalls(units: UnitRegistry, caller: Caller, traceId?: string): UnitCalls {
  const contextOf = ({ signal, peer, traceparent, onPiece }: CallOptions): UnitContext => ({
    ...{ caller, signal, budgetMs: MCP_BUDGET_MS, requestId: requestIdOf(units.newAnswerId()) },
    traceId: traceOf('', traceparent).given ?? traceId,
    ...(peer !== undefined && { peer }),
    ...(onPiece !== undefined && { onPiece }),
    onRoute() {}
  })
  return {
    list: async () => units.list().filter(unit => mayCall(unit, caller)),
    call: (unit, input, options) => units.execute(unit, input, contextOf(options)),
    watch: (unit, input, signal) => units.stream(unit, input, contextOf({ signal }))
  }
}
