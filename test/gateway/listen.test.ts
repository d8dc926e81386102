/** Where the gateway listens when the system refuses what the settings say. */

import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { expect, it } from 'vitest'
import { listenOnFreePort } from '../../gateway/listen.ts'
import { listeningRefused } from '../../interface/listening.ts'
import { placeToListen } from '../../node/network/listen-port.ts'

const refusal = (code: string) => Object.assign(new Error(`listen ${code}`), { code })

/** Servers of which the first `count` are refused, and the ports that were asked for. */
function refusing(code: string, count: number) {
  const ports: unknown[] = []
  const create = (): Server => {
    const server = createServer()
    const listen = server.listen.bind(server) as (where: object, done: () => void) => Server
    server.listen = ((where: { port: number }, done: () => void) => {
      ports.push(where.port)
      if (ports.length > count) return listen({ ...where, port: 0 }, done)
      process.nextTick(() => server.emit('error', refusal(code)))
      return server
    }) as never
    return server
  }
  return { create, ports }
}
const at = (port: number) => ({ host: '127.0.0.2', port, section: 'gateway' })

it.each(['EADDRINUSE', 'EACCES'])('goes on to the next port after %s', async code => {
  const { create, ports } = refusing(code, 2)
  const { servers } = await listenOnFreePort(create, at(5866))
  for (const server of servers) server.close()
  assert.deepEqual(ports, [5866, 5867, 5868])
})

it('names the setting where only root may listen', async () => {
  const { create, ports } = refusing('EACCES', 1)
  await assert.rejects(listenOnFreePort(create, at(80)), {
    code: 'CONFIG_INVALID',
    message: 'gateway.port: only root may listen on port 80.'
  })
  assert.deepEqual(ports, [80])
})

it('names the setting where the address is none of this device', async () => {
  const nowhere = { host: '192.0.2.1', port: 5866, section: 'grpc' }
  const wrong = {
    code: 'CONFIG_INVALID',
    message: /^grpc\.host: this device has no address 192\.0\.2\.1; it has /
  }
  await assert.rejects(listenOnFreePort(createServer, nowhere), wrong)
  await assert.rejects(placeToListen('192.0.2.1', 5867), {
    code: 'CONFIG_INVALID',
    message: /^swarm\.host: /
  })
  const other = refusal('EMFILE')
  expect(listeningRefused(other, nowhere)).toBe(other)
})
