/** The device of `serve` that is asked: a node without models, and its gateway. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Gateway } from '../gateway/index.ts'
import { systemClock } from '../interface/clock.ts'
import { createUnits } from '../units/index.ts'
import { announce } from './harness.ts'
import { knowsModel, startNode } from './nodes.ts'
import { LATE, PACED } from './paced.ts'

const token = 'token-of-this-benchmark'
const node = await startNode({})
await node.mesh.join(process.argv[2]!)
for (const model of [PACED, `${LATE}-0`]) await knowsModel(node, model)

const home = mkdtempSync(join(tmpdir(), 'lumos-bench-gateway-'))
process.on('exit', () => rmSync(home, { recursive: true, force: true }))
const none = { gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} }
const gateway = new Gateway(
  {
    units: async () => createUnits({ node, ...none }),
    clock: systemClock,
    log: { debug() {}, info() {}, warn: console.warn, error: console.error }
  },
  {
    ...{ socketPath: join(home, 'node.sock'), token, newToken: () => token },
    ...{ host: '127.0.0.1', hosts: [], origins: [], port: 0 }
  }
)
await gateway.start()

announce({ url: gateway.url, token })
