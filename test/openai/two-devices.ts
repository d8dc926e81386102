/** `/v1` of a node that has no model of its own: another device of its mesh answers. */

import type { Model } from '../../capabilities/host/engine.ts'
import type { AdoptionStore } from '../../gateway/adopted-ports.ts'
import { Gateway } from '../../gateway/index.ts'
import { type Clock, systemClock } from '../../interface/clock.ts'
import { makeGatewayToken } from '../../storage/home/gateway-token.ts'
import { createUnits } from '../../units/index.ts'
import { knows, startNode } from '../node/mesh-nodes.ts'
import { ScriptedEngine, scriptedModels } from './scripted-engine.ts'

interface DevicesOptions {
  readonly origins?: readonly string[]
  /** Other names of models, of the device that asks. */
  readonly aliases?: Readonly<Record<string, string>>
  /** Folders of models that the other device has in place of scripted ones. */
  readonly directories?: readonly string[]
  /** Models that the other device has in place of scripted ones. */
  readonly models?: readonly Model[]
  /** How long the device that asks keeps answers. */
  readonly keep?: string | number
  /** Of the gateway. */
  readonly clock?: Clock
  /** What the gateway keeps of adopted ports. */
  readonly adopted?: AdoptionStore
  /** Of the device that asks. */
  readonly settings?: Readonly<Record<string, unknown>>
}

type Asking = Awaited<ReturnType<typeof startNode>>

/** A gateway of a node that runs. */
export async function startGatewayOf(
  asking: Asking,
  { origins = [], aliases = {}, clock = systemClock, adopted }: DevicesOptions = {}
) {
  const errors: object[] = []
  const log = { debug() {}, info() {}, warn() {}, error: (fields: object) => void errors.push(fields) }
  const { socketPath, tokenPath } = asking.home
  const token = asking.home.gatewayToken()
  const gateway = new Gateway(
    { units: async () => units, clock, log },
    {
      socketPath,
      token,
      newToken: () => makeGatewayToken(tokenPath),
      host: '127.0.0.1',
      hosts: [],
      origins,
      aliases,
      port: 0,
      ...(adopted && { adopted })
    }
  )
  const units = createUnits({
    node: asking,
    gatewayUrl: () => gateway.url,
    rotateToken: () => gateway.rotateToken(),
    adoption: gateway.adoption,
    stop() {}
  })
  await gateway.start()
  return { gateway, units, errors, token, baseURL: `${gateway.url}/v1` }
}

export async function startDevices({
  origins = [],
  aliases = {},
  directories,
  models,
  keep = '1h',
  clock = systemClock,
  adopted,
  settings
}: DevicesOptions = {}) {
  const engine = new ScriptedEngine()
  const answering = await startNode(
    'attic',
    [],
    directories
      ? { settings: { 'models.directories': directories } }
      : { models: models ?? scriptedModels(engine) }
  )
  const asking = await startNode('desk', [answering], { settings: { 'answers.keep': keep, ...settings } })
  await knows(asking, answering)

  const served = await startGatewayOf(asking, { origins, aliases, clock, ...(adopted && { adopted }) })
  const { gateway, units, errors, token, baseURL } = served

  return {
    ...{ engine, asking, answering, baseURL, token, errors, gateway, units },
    async ask(path: string, body?: unknown, init: RequestInit = {}) {
      const response = await fetch(`${baseURL}${path}`, {
        ...(body !== undefined && {
          method: 'POST',
          body: typeof body === 'string' ? body : JSON.stringify(body)
        }),
        ...init,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers }
      })
      const text = await response.text()
      const isJson = response.headers.get('content-type')?.startsWith('application/json')
      // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
      const json: any = isJson ? JSON.parse(text) : undefined
      return { status: response.status, headers: response.headers, text, body: json }
    },
    async [Symbol.asyncDispose]() {
      await gateway.close({ drainMs: 0 })
      await asking[Symbol.asyncDispose]()
      await answering[Symbol.asyncDispose]()
    }
  }
}
export type Devices = Awaited<ReturnType<typeof startDevices>>
