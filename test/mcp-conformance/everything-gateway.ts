/** The example server behind a real gateway, with its checks of Host and Origin, and before it one that shows the token. */

import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { AppEnv } from '../../gateway/app-env.ts'
import { BodyReader } from '../../gateway/body.ts'
import { newCall } from '../../gateway/envelope.ts'
import { JsonThread } from '../../gateway/json-thread.ts'
import type { loadRoutes } from '../../gateway/load-routes.ts'
import { mcpRoutes } from '../../gateway/mcp/route.ts'
import { createMcpServer } from '../../gateway/mcp/server.ts'
import { startGateway } from '../gateway/running-gateway.ts'
import { everythingIn } from './everything-server.ts'

const load: typeof loadRoutes = async ({ units: unitsOf, ...components }) => {
  const units = await unitsOf()
  const { clock } = components
  const bodies = new BodyReader(units.inputBytesMax, new JsonThread(clock))
  const app = new Hono<AppEnv>()
  app.use(async (c, next) => {
    c.set('call', newCall(clock, c.env.incoming, units.newAnswerId()))
    await next()
  })
  app.route('/mcp', mcpRoutes({ ...components, units, bodies }, everythingIn(createMcpServer)))
  return async (incoming, outgoing, by) =>
    getRequestListener((asked, env) => app.fetch(asked, { ...env, ...by }), { overrideGlobalObjects: false })(
      incoming,
      outgoing
    )
}

export async function startEverything() {
  const gateway = await startGateway({ load })
  const server = createServer((incoming, outgoing) => {
    const { port } = server.address() as AddressInfo
    // A wrong Host and Origin are handed on, too.
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [
        name,
        String(value).replaceAll(`:${port}`, `:${gateway.port}`)
      ])
    )
    const authorization = `Bearer ${gateway.token}`
    const { method, url: path } = incoming
    const on = { host: '127.0.0.1', port: gateway.port, method, path }
    const asked = request({ ...on, headers: { ...headers, authorization } }, answer => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    asked.on('error', () => outgoing.destroy())
    outgoing.on('close', () => asked.destroy())
    incoming.pipe(asked)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}/mcp`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await gateway[Symbol.asyncDispose]()
    }
  }
}
