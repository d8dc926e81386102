/** The units of this process, for the caller of one request. */

import { requestIdOf } from '../../interface/answers.ts'
import type { Caller, UnitContext } from '../../interface/units.ts'
import type { UnitRegistry } from '../../units/index.ts'
import type { CallOptions, UnitCalls } from './calls.ts'

/** Clients wait a minute by themselves, and longer where progress comes. */
export const MCP_BUDGET_MS = 600_000

export function registryCalls(units: UnitRegistry, caller: Caller): UnitCalls {
  const contextOf = ({ signal, peer, onPiece }: CallOptions): UnitContext => ({
    ...{ caller, signal, budgetMs: MCP_BUDGET_MS, requestId: requestIdOf(units.newAnswerId()) },
    ...(peer !== undefined && { peer }),
    ...(onPiece !== undefined && { onPiece }),
    onRoute() {}
  })
  return {
    list: async () => units.list().filter(({ permission }) => caller.permissions.includes(permission)),
    call: (unit, input, options) => units.execute(unit, input, contextOf(options)),
    watch: (unit, input, signal) => units.stream(unit, input, contextOf({ signal }))
  }
}
