/** Roles as people type them. */

import { LumosError } from '../interface/errors.ts'
import { ROLES, type Role } from '../interface/membership.ts'

/** @throws {LumosError} `USAGE` */
export function roleOf(text: string): Role {
  const role = ROLES.find(known => known === text)
  if (role !== undefined) return role
  throw new LumosError('USAGE', `There is no role "${text}".`, { hint: `Roles: ${ROLES.join(', ')}.` })
}
