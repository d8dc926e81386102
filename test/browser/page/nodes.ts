/** Real nodes of one mesh, the first of them with a gateway that serves its page. */

import { dirname } from 'node:path'
import type { Model } from '../../../capabilities/host/engine.ts'
import { Gateway, NamedTokens } from '../../../gateway/index.ts'
import { systemClock } from '../../../interface/clock.ts'
import type { Logger } from '../../../interface/lifecycle.ts'
import type { MeshNodeOptions } from '../../../node/create-node.ts'
import { LogReader } from '../../../node/log/log-reader.ts'
import { SettingsFile } from '../../../node/settings/settings-file.ts'
import { makeGatewayToken } from '../../../storage/home/gateway-token.ts'
import { sessionFile } from '../../../storage/home/session-file.ts'
import { createUnits } from '../../../units/index.ts'
import { knows, startNode } from '../../node/mesh-nodes.ts'
import { ScriptedEngine, scriptedModels } from '../../openai/scripted-engine.ts'

interface PageNodesOptions {
  /** Of the device with the page. */
  readonly settings?: MeshNodeOptions['settings']
  readonly models?: Model[]
  /** The other devices by name, with their models. */
  readonly others?: Readonly<Record<string, Model[]>>
}

/** A device with the page, which has founded the mesh, and those that answer. */
export async function startPageNodes({
  settings,
  models = [],
  others = { attic: scriptedModels(new ScriptedEngine()) }
}: PageNodesOptions = {}) {
  const desk = await startNode('desk', [], { models, settings: { 'mesh.name': 'home', ...settings } })
  const answering = await Promise.all(
    Object.entries(others).map(([name, models]) => startNode(name, [desk], { models }))
  )
  await Promise.all(answering.map(other => knows(desk, other)))
  for (const node of [desk, ...answering]) {
    const units = createUnits({ node, gatewayUrl: () => undefined, rotateToken: () => 0, stop() {} })
    node.remote.serve(async () => units)
  }
  const page = await servePage(desk)
  const close = page[Symbol.asyncDispose]

  return Object.assign(page, {
    ...{ desk, answering },
    async [Symbol.asyncDispose]() {
      await close()
      for (const node of [desk, ...answering]) await node[Symbol.asyncDispose]()
    }
  })
}
export type PageNodes = Awaited<ReturnType<typeof startPageNodes>>

/** A gateway of a device of the mesh, with its page. */
export async function servePage(node: Awaited<ReturnType<typeof startNode>>) {
  const logged: string[] = []
  const keep = (...parts: unknown[]) => void logged.push(JSON.stringify(parts))
  const log: Logger = { debug: keep, info: keep, warn: keep, error: keep }
  const { socketPath, tokenPath } = node.home
  const folder = dirname(tokenPath)
  const token = node.home.gatewayToken()
  const named = new NamedTokens({ store: node.home.tokens, clock: systemClock, log })
  const units = createUnits({
    node,
    gatewayUrl: () => gateway.url,
    refusedOrigins: () => gateway.refusedOrigins,
    rotateToken: () => gateway.rotateToken(),
    pageLink: () => gateway.link(),
    tokens: named,
    settings: new SettingsFile({ home: folder, env: {}, names: () => node.status() }),
    log: new LogReader(folder, systemClock),
    stop() {}
  })
  const newToken = () => makeGatewayToken(tokenPath)
  const components = { units: async () => units, clock: systemClock, log }
  const options = { socketPath, newToken, named, host: '127.0.0.1', hosts: [], origins: [] }
  const start = (port: number) =>
    new Gateway(components, {
      ...options,
      port,
      token: node.home.gatewayToken(),
      sessions: sessionFile(folder)
    })
  let gateway = start(0)
  await gateway.start()
  const url = gateway.url!

  return {
    ...{ token, logged, url, named },
    get gateway() {
      return gateway
    },
    /** As the node restarts on the same home. */
    async restart() {
      await gateway.close({ drainMs: 0 })
      gateway = start(Number(new URL(url).port))
      await gateway.start()
    },
    /** Opened once, it lets one browser in. */
    link: () => gateway.link()!,
    async [Symbol.asyncDispose]() {
      await gateway.close({ drainMs: 0 })
    }
  }
}
