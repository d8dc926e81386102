/** The device of `gateway`: a node with its gateway and its units, beside a bare server and gRPC that answer with the same bytes. */

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Gateway } from '../gateway/index.ts'
import { systemClock } from '../interface/clock.ts'
import { createUnits } from '../units/index.ts'
import { announce } from './harness.ts'
import { startNode } from './nodes.ts'
import { serveGrpc } from './rpc-others.ts'
import { selfSigned } from './self-signed.ts'

const token = 'token-of-this-benchmark'
const node = await startNode({ 'models.directories': [fileURLToPath(new URL('../models', import.meta.url))] })
const units = createUnits({ node, gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} })
node.remote.serve(async () => units)

const home = mkdtempSync(join(tmpdir(), 'lumos-bench-gateway-'))
process.on('exit', () => rmSync(home, { recursive: true, force: true }))
const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
const gateway = new Gateway(
  { units: async () => units, clock: systemClock, log },
  {
    ...{ socketPath: join(home, 'node.sock'), token, newToken: () => token },
    ...{ host: '127.0.0.1', hosts: [], origins: [], port: 0 }
  }
)
await gateway.start()

/** What the unit answers, once: a bare server hands out bytes that are there. */
let answer = ''
const bare = createServer((incoming, outgoing) => {
  incoming
    .resume()
    .on('end', () => outgoing.writeHead(200, { 'content-type': 'application/json' }).end(answer))
})
bare.keepAliveTimeout = 60_000
await new Promise<void>(resolve => bare.listen(0, '127.0.0.1', resolve))

const identity = selfSigned()
announce(
  {
    ...{ code: node.mesh.invite().code, peerId: node.peerId, url: gateway.url, token, identity },
    bare: `http://127.0.0.1:${(bare.address() as AddressInfo).port}`,
    grpcTls: await serveGrpc(identity)
  },
  {
    answer: (text: string) => {
      answer = text
    },
    memoryMb() {
      globalThis.gc?.()
      return process.memoryUsage().rss / 1e6
    }
  }
)
