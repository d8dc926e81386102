/** Two ends of a simulated connection, without libp2p on top. */

import type { ComponentLogger, Logger } from '@libp2p/interface'
import { systemClock } from '../../interface/clock.ts'
import type { SimConnection } from '../../sim/network/connection.ts'
import type { Endpoint } from '../../sim/network/endpoint.ts'
import { type LinkModel, PERFECT } from '../../sim/network/link-model.ts'
import { SimNetwork } from '../../sim/network/network.ts'
import type { SimListener } from '../../sim/network/transport.ts'

const silent: Logger = Object.assign(() => {}, {
  enabled: false,
  trace: Object.assign(() => {}, { enabled: false }),
  error: () => {},
  newScope: () => silent
}) as never
const logger: ComponentLogger = { forComponent: () => silent }

export interface Wire {
  readonly network: SimNetwork
  readonly near: SimConnection
  readonly far: SimConnection
  readonly ends: readonly [Endpoint, Endpoint]
}

/** A network of two hosts, `a` and `b`, of which `b` listens. */
export function twoHosts(model: Partial<LinkModel> = {}, seed = 1) {
  const network = new SimNetwork({ clock: systemClock, seed, model: { ...PERFECT, ...model } })
  const ends: [Endpoint, Endpoint] = [network.attach('a'), network.attach('b')]
  const accepted: SimConnection[] = []
  const listen = (endpoint: Endpoint) => {
    endpoint.listener = {
      logger,
      accept: (connection: SimConnection) => accepted.push(connection)
    } as unknown as SimListener
  }
  listen(ends[1])
  const connect = async (timeoutMs = 20_000) => {
    await network.reach(ends[0], 'b', AbortSignal.timeout(timeoutMs))
    return network.connect(ends[0], 'b', silent)
  }
  return { network, ends, accepted, listen, connect }
}

/** Connected: `near` dialed `far`. */
export async function wire(model?: Partial<LinkModel>, seed?: number): Promise<Wire> {
  const { network, ends, accepted, connect } = twoHosts(model, seed)
  const near = await connect()
  return { network, ends, near, far: accepted[0]! }
}

/** Everything that arrives at `connection`, as it comes. */
export function arrivals(connection: SimConnection) {
  const messages: { bytes: Uint8Array; atMs: number }[] = []
  const waiting = new Set<() => void>()
  connection.addEventListener('message', ({ data }) => {
    messages.push({ bytes: data.subarray(), atMs: performance.now() })
    for (const check of waiting) check()
  })
  const total = () => messages.reduce((sum, { bytes }) => sum + bytes.length, 0)
  return {
    messages,
    total,
    all: () => Buffer.concat(messages.map(({ bytes }) => bytes)),
    /** At least that many bytes have arrived. */
    async bytes(count: number): Promise<void> {
      await new Promise<void>(resolve => {
        const check = () => {
          if (total() < count) return
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      })
    }
  }
}

/** Write all of `bytes`, in pieces of `pieceBytes`, whenever there is room. */
export async function writeAll(connection: SimConnection, bytes: Uint8Array, pieceBytes = 64 * 1024) {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    if (!connection.send(bytes.subarray(at, at + pieceBytes))) await drained(connection)
  }
}

const drained = (connection: SimConnection) =>
  new Promise<void>((resolve, reject) => {
    connection.addEventListener('drain', () => resolve(), { once: true })
    connection.addEventListener('close', () => reject(new Error('closed')), { once: true })
  })

export const closed = (connection: SimConnection): Promise<string> =>
  new Promise(resolve => {
    if (connection.status !== 'open') resolve(connection.status)
    connection.addEventListener('close', () => resolve(connection.status))
  })

/** Patterned, so that what is missing or out of place shows. */
export const pattern = (count: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (i * 31 + (i >> 8)) & 0xff)
