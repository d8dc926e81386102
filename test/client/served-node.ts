/** What a program finds of a node that runs: its socket, by the run file of its home, and its gateway. */

import { dirname } from 'node:path'
import { Gateway } from '../../gateway/index.ts'
import { systemClock } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { DrivenNode } from '../../sim/driven-node.ts'
import { makeGatewayToken } from '../../storage/home/gateway-token.ts'
import { writeRunFile } from '../../storage/home/run-file.ts'
import { createUnits } from '../../units/index.ts'
import { grpcIn } from '../gateway/running-gateway.ts'

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }

export async function serve(node: DrivenNode, { grpc = false }: { grpc?: boolean } = {}) {
  const { socketPath, tokenPath } = node.home
  const token = node.home.gatewayToken()
  const units = createUnits({
    node,
    gatewayUrl: () => gateway.url,
    rotateToken: () => 1,
    stop() {},
    grpc: () => gateway.grpc.state()
  })
  const gateway = new Gateway(
    { units: async () => units, clock: systemClock, log },
    {
      socketPath,
      token,
      newToken: () => makeGatewayToken(tokenPath),
      host: '127.0.0.1',
      hosts: [],
      origins: [],
      port: 0,
      ...(grpc && { grpc: grpcIn(dirname(tokenPath)) })
    }
  )
  await gateway.start()
  const home = dirname(tokenPath)
  writeRunFile(home, {
    pid: process.pid,
    peerId: node.peerId,
    name: node.name,
    version: '',
    socketPath,
    gateway: gateway.url!,
    startedAtMs: 0
  })
  return {
    home,
    url: gateway.url!,
    token,
    units,
    gateway,
    socketPath,
    [Symbol.asyncDispose]: () => gateway.close({ drainMs: 0 })
  }
}
