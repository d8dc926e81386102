/** Real nodes of one mesh, the first of them with a gateway that serves its page. */

import { Gateway, NamedTokens } from '../../../gateway/index.ts'
import { systemClock } from '../../../interface/clock.ts'
import type { Logger } from '../../../interface/lifecycle.ts'
import { makeGatewayToken } from '../../../storage/home/gateway-token.ts'
import { createUnits } from '../../../units/index.ts'
import { knows, startNode } from '../../node/mesh-nodes.ts'
import { ScriptedEngine, scriptedModels } from '../../openai/scripted-engine.ts'

/** A device with the page, and one that answers. */
export async function startPageNodes() {
  const engine = new ScriptedEngine()
  const attic = await startNode('attic', [], { models: scriptedModels(engine) })
  const desk = await startNode('desk', [attic])
  await knows(desk, attic)

  const logged: string[] = []
  const keep = (...parts: unknown[]) => void logged.push(JSON.stringify(parts))
  const log: Logger = { debug: keep, info: keep, warn: keep, error: keep }
  const { socketPath, tokenPath } = desk.home
  const token = desk.home.gatewayToken()
  const named = new NamedTokens({ store: desk.home.tokens, clock: systemClock, log })
  const units = createUnits({
    node: desk,
    gatewayUrl: () => gateway.url,
    refusedOrigins: () => gateway.refusedOrigins,
    rotateToken: () => gateway.rotateToken(),
    pageLink: () => gateway.link(),
    tokens: named,
    stop() {}
  })
  const newToken = () => makeGatewayToken(tokenPath)
  const gateway = new Gateway(
    { units: async () => units, clock: systemClock, log },
    { socketPath, token, newToken, named, host: '127.0.0.1', hosts: [], origins: [], port: 0 }
  )
  await gateway.start()

  return {
    ...{ engine, attic, desk, gateway, token, logged, url: gateway.url! },
    /** Opened once, it lets one browser in. */
    link: () => gateway.link()!,
    async [Symbol.asyncDispose]() {
      await gateway.close({ drainMs: 0 })
      await desk[Symbol.asyncDispose]()
      await attic[Symbol.asyncDispose]()
    }
  }
}
export type PageNodes = Awaited<ReturnType<typeof startPageNodes>>
