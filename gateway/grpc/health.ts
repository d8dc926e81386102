/** `grpc.health.v1.Health`, by which load balancers and service managers ask. */

import { LumosError } from '../../interface/errors.ts'
import { textsOf } from './messages.ts'
import type { Asked, Methods } from './method.ts'
import { integer } from './wire.ts'

const SERVING = 1
const NOT_SERVING = 2
const SERVICES: ReadonlySet<string> = new Set(['', 'aima.v2.AIMAService'])
const REQUEST_BYTES_MAX = 1024

const statusNow = ({ closing }: Asked): Buffer => integer(1, closing.aborted ? NOT_SERVING : SERVING)

async function checkService({ call }: Asked): Promise<void> {
  const [service = ''] = textsOf(await call.message(() => REQUEST_BYTES_MAX), 1)
  if (!SERVICES.has(service)) throw new LumosError('SERVICE_NOT_FOUND', 'There is no such service here.')
}

export const HEALTH_METHODS: Methods = {
  '/grpc.health.v1.Health/Check': async asked => {
    await checkService(asked)
    await asked.call.send(statusNow(asked))
  },
  '/grpc.health.v1.Health/Watch': async asked => {
    const { call, closing } = asked
    await checkService(asked)
    await call.send(statusNow(asked))
    if (closing.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    AbortSignal.any([closing, call.signal]).addEventListener('abort', () => resolve(), { once: true })
    await promise
    await call.send(statusNow(asked))
  }
}
