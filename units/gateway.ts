/** The gateway's own secrets. */

import * as z from 'zod'
import { defineUnit } from './define-unit.ts'

export const gatewayUnits = (rotateToken: () => number) => [
  defineUnit({
    name: 'gateway.rotate_token',
    kind: 'command',
    // A caller over TCP would lose the way in, and could not read the new token.
    permission: 'keys',
    summary: 'Replace the token of the gateway. All sessions end, and every connection over TCP.',
    input: z.strictObject({}),
    // The token itself is in its file, for those who may read that.
    output: z.strictObject({ sessionsEnded: z.int() }),
    run: async () => ({ sessionsEnded: rotateToken() })
  })
]
