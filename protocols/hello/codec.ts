/** `/lumos/hello/1`: what two peers say first, each to the other, on every new connection. */

import * as z from 'zod'

export const HELLO_PROTOCOL = '/lumos/hello/1'

export const FRAME = { hello: 1, manifest: 2 } as const

export const Hello = z.strictObject({
  version: z.literal(1),
  /** Name of the sender's mesh: peers of two meshes on one LAN part here. */
  mesh: z.string().min(1).max(64)
})
