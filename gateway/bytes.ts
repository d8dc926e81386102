/** Bodies of bytes, such as speech, as they come. */

import type { Context } from 'hono'
import { LumosError } from '../interface/errors.ts'
import type { Logger } from '../interface/lifecycle.ts'
import type { AppEnv } from './app-env.ts'
import { inPieces } from './sse.ts'

export interface Bytes {
  readonly first: Uint8Array
  readonly rest: AsyncGenerator<Uint8Array>
  readonly headers: Readonly<Record<string, string>>
}

/** What fails after `first` ends the connection: there is no other place to say it. */
export function bytesResponse(
  c: Context<AppEnv>,
  { log }: { readonly log: Logger },
  { first, rest, headers }: Bytes
): Response {
  const { incoming, outgoing } = c.env
  const body = new ReadableStream({
    start: controller => controller.enqueue(first),
    async pull(controller) {
      try {
        const next = await rest.next()
        if (next.done) controller.close()
        else controller.enqueue(next.value)
      } catch (err) {
        if (!(err instanceof LumosError)) log.error({ err, unit: c.var.call.unit }, 'a stream failed')
        outgoing.destroy()
      }
    },
    cancel: async () => void (await rest.return(undefined))
  })
  return new Response(body, { headers: { ...headers, ...inPieces(incoming) } })
}
