/** The gateway's own secrets: its token, and links that open the page. */

import * as z from 'zod'
import { LumosError } from '../interface/errors.ts'
import { defineUnit } from './define-unit.ts'

export interface GatewaySecrets {
  /** Returns how many sessions have ended. */
  rotateToken(): number
  /** Gives nothing while the gateway is closed; absent: there is no page. */
  pageLink?(): string | undefined
}

export const gatewayUnits = ({ rotateToken, pageLink }: GatewaySecrets) => [
  defineUnit({
    name: 'gateway.link',
    kind: 'command',
    // It lets a browser in, so it is as good as the token.
    permission: 'keys',
    summary:
      'A link that opens the page of this node, and lets one browser in. It counts once, for two minutes.',
    input: z.strictObject({}),
    output: z.strictObject({ url: z.string() }),
    run: async () => {
      const url = pageLink?.()
      if (url === undefined) throw new LumosError('NODE_NOT_RUNNING', 'The gateway of this node is closed.')
      return { url }
    }
  }),
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
