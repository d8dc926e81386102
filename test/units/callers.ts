/** Who calls in tests. */

import { type Caller, PERMISSIONS, type Permission, type UnitContext } from '../../interface/units.ts'

export const callerWith = (...permissions: Permission[]): Caller => ({ origin: 'tcp', permissions })

/** From the device's own command line. */
export const OWNER: Caller = { origin: 'local', permissions: PERMISSIONS }

export const contextOf = (caller: Caller, rest: Partial<UnitContext> = {}): UnitContext => ({
  caller,
  requestId: 'r1',
  budgetMs: 5000,
  ...rest
})
