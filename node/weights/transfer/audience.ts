/** To whom the weights of a model are sent. */

import type { Access } from '../../../interface/membership.ts'

/** Weights that are offered to everyone go to members: a guest asks the model, and takes no copy along. */
const MEMBERS: Access = { roles: ['admin', 'member', 'edge'] }

export const audienceOf = (offered: Access): Access => (offered === 'everyone' ? MEMBERS : offered)
