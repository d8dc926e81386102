/** What a device may be in the mesh. */

import type { Words } from '../words/index.ts'

export type Role = 'admin' | 'member' | 'edge' | 'guest'
const ROLES: readonly Role[] = ['member', 'edge', 'guest', 'admin']

/** Those that this node can give: only the holder of the root key makes admins. */
export const rolesOf = (holdsRoot: boolean, w: Words) =>
  ROLES.filter(role => role !== 'admin' || holdsRoot).map(role => [role, w.mesh.roles[role]] as const)
