/** What a device may be in the mesh. */

import { useUnit } from '../live.ts'
import type { Words } from '../words/index.ts'

export type Role = 'admin' | 'member' | 'edge' | 'guest'
const ROLES: readonly Role[] = ['member', 'edge', 'guest', 'admin']

/** Whether this node is an admin, which alone changes something on other devices. False until it is known. */
export const useIsAdmin = (): boolean => useUnit('mesh.show', {}, { on: ['mesh.'] }).data?.role === 'admin'

/** Those that this node can give: only the holder of the root key makes admins. */
export const rolesOf = (holdsRoot: boolean, w: Words) =>
  ROLES.filter(role => role !== 'admin' || holdsRoot).map(role => [role, w.mesh.roles[role]] as const)
