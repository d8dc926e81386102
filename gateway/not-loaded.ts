/** What callers are told while the routes of the gateway cannot be loaded. */

import { LumosError } from '../interface/errors.ts'

/** An upgrade puts other files in the place of those that a running node would load. */
export const notLoaded = (cause: unknown): LumosError =>
  new LumosError('NODE_NOT_RUNNING', 'The gateway of this node cannot be loaded.', {
    hint: 'After an upgrade of lumos-node, restart the node: lumos-node stop, then lumos-node start. The log says more.',
    cause
  })
