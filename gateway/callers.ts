/** Callers without a token of a program: the same object for all requests of one kind. */

import { type Caller, PERMISSIONS } from '../interface/units.ts'

/** On the unix socket, which file permissions guard. */
export const OWNER: Caller = { origin: 'local', permissions: PERMISSIONS }
/**
 * With the token of the gateway. Secrets are handed out and replaced on the socket only: a program or a page that holds
 * the token is not their owner.
 */
export const HOLDER: Caller = { origin: 'tcp', permissions: ['read', 'use', 'manage'] }
/** On the port of another program, where no token is shown. */
export const NEIGHBOUR: Caller = { origin: 'tcp', permissions: ['read', 'use'] }
/** Health alone is told to callers that prove nothing. */
export const STRANGER: Caller = { origin: 'tcp', permissions: [] }
