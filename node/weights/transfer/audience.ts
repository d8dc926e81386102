/** To whom the weights of a model are sent. */

import type { Access } from '../../../interface/membership.ts'

/** Weights that are offered to everyone go to members: a guest asks the model, and takes no copy along. */
const MEMBERS: Access = { roles: ['admin', 'member', 'edge'] }

export const audienceOf = (offered: Access): Access => (offered === 'everyone' ? MEMBERS : offered)

/** Whether what is here of a block may become that of another model. What no repository has was left by a pull before. */
export const mayReuse = (
  names: readonly string[],
  offeredTo: (model: string) => Access | undefined
): boolean => names.length === 0 || names.some(name => offeredTo(name) === 'everyone')
