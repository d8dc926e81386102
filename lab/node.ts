/** A node as its user runs it, on a device of the lab, and a watch on what it knows. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { findNode, type NodeClient } from '../cli/client.ts'
import type { Ready } from '../cli/ready.ts'
import type { Invitation } from '../interface/mesh.ts'
import type { ModelInfo, PeerInfo } from '../interface/node.ts'
import type { SnakeCase } from '../interface/snake-case.ts'
import { type Finished, runCli, spawnCli } from './command-line.ts'
import type { Device } from './device.ts'
import { temporaryHome } from './system.ts'

/** The models that ship with the node, as its own: demonstrations are offered to no other device. */
const SERVER = { LUMOS_MODELS__DIRECTORIES: fileURLToPath(new URL('../models', import.meta.url)) }
/** Serves nothing of its own, so whatever it answers comes from others. */
export const ASKER = { LUMOS_MODELS__BUILTIN: 'false', LUMOS_MODELS__DIRECTORIES: '' }
/** Far more than anything takes on a good network: past it a run fails for what it waits for, not for its time. */
const WAIT_MS_MAX = 25_000

export interface StartOptions {
  readonly args?: readonly string[]
  readonly env?: Record<string, string>
  /** A home that an earlier node left; else a new one, removed at the end. */
  readonly home?: string
}

export type Node = Awaited<ReturnType<typeof startOn>>

/** Starts `lumos-node start` there and waits until it says that it is ready. */
export async function startOn(device: Device, name: string, options: StartOptions = {}) {
  const home = options.home ?? (await temporaryHome())
  const { through } = device
  const spawnedAtMs = performance.now()
  const child = spawnCli(['start', '--json', '--name', name, ...(options.args ?? [])], {
    home,
    through,
    env: { ...SERVER, ...options.env }
  })
  let errors = ''
  child.stderr.on('data', text => {
    errors += text
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), exited])
  if (!Array.isArray(line)) throw new Error(`${name} ended with ${line}: ${errors}`)
  const readyAtMs = performance.now()
  const ready: Ready = JSON.parse(line[0])
  const client = findNode({ home })
  const watch = await Watch.of(client)

  return {
    name,
    home,
    ready,
    spawnedAtMs,
    readyAtMs,
    client,
    peerId: ready.peer_id,
    pid: child.pid!,
    errors: () => errors,
    peers: () => peersOf(client),
    models: () => modelsOf(client),
    /** A command, run on the same device. */
    cli: (...args: string[]): Promise<Finished> => runCli(args, { home, through }),
    spawnCli: (...args: string[]) => spawnCli(args, { home, through }),
    /** When `holds` was first seen to be true, at the latest `withinMs` from now. */
    until: (what: string, holds: () => Promise<boolean>, withinMs = WAIT_MS_MAX) =>
      watch.until(`${name} ${what}`, holds, withinMs),
    async end(signal: NodeJS.Signals): Promise<void> {
      child.kill(signal)
      await exited
    },
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await exited
      if (options.home === undefined) await rm(home, { recursive: true, force: true })
    }
  }
}

/** `inviter` lets the others in, one after the other. */
export async function pair(inviter: Node, ...others: Node[]): Promise<void> {
  for (const { client } of others) {
    const { data } = await inviter.client.execute<Invitation>('mesh.invite')
    await client.execute('mesh.join', { code: data.code })
  }
}

/** `node` is connected to `other` and holds its manifest. */
export const holds = (node: Node, other: Pick<Node, 'peerId' | 'name'>, withinMs?: number): Promise<number> =>
  node.until(
    `holds the manifest of ${other.name}`,
    async () => (await node.peers()).includes(other.peerId),
    withinMs
  )

/** When both hold the other's manifest. */
export const meet = async (one: Node, other: Node, withinMs?: number): Promise<number> =>
  Math.max(...(await Promise.all([holds(one, other, withinMs), holds(other, one, withinMs)])))

/** `other` is in no table of `node` any more. */
export const loses = (node: Node, other: Pick<Node, 'peerId' | 'name'>, withinMs?: number): Promise<number> =>
  node.until(
    `lists ${other.name} no more`,
    async () =>
      !(await node.peers()).includes(other.peerId) &&
      !(await node.models()).some(({ providers }) =>
        providers.some(({ peer_id }) => peer_id === other.peerId)
      ),
    withinMs
  )

/** A model as `model.list` has it. */
type ListedModel = { readonly id: string } & Pick<ModelInfo, 'providers'>

async function peersOf(client: NodeClient): Promise<string[]> {
  const { data } = await client.execute<{ items: PeerInfo[] }>('mesh.peers')
  return data.items.map(({ peer_id }) => peer_id)
}

async function modelsOf(client: NodeClient): Promise<SnakeCase<ListedModel[]>> {
  return (await client.execute<{ items: ListedModel[] }>('model.list')).data.items
}

/** Every event of a node, as a reason to look at it again. */
class Watch {
  readonly #events = new EventTarget()

  static async of({ info }: NodeClient): Promise<Watch> {
    const watch = new Watch()
    await watch.#subscribe(info.socketPath)
    return watch
  }

  async #subscribe(socketPath: string): Promise<void> {
    const asked = request({ socketPath, path: '/api/v2/events', agent: false }).end()
    const [response]: [IncomingMessage] = (await once(asked, 'response')) as [IncomingMessage]
    assert.equal(response.statusCode, 200)
    // The node may be killed while it is watched, which is what most tests here are about.
    response.on('error', () => {})
    response.on('data', () => this.#events.dispatchEvent(new Event('news')))
  }

  async until(what: string, condition: () => Promise<boolean>, withinMs: number): Promise<number> {
    const signal = AbortSignal.timeout(withinMs)
    for (;;) {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      // Before looking, so that nothing falls in between.
      this.#events.addEventListener('news', () => resolve(true), { once: true, signal })
      signal.addEventListener('abort', () => resolve(false), { once: true })
      if (await condition()) return performance.now()
      if (!(await promise)) assert.fail(`within ${withinMs} ms: ${what}`)
    }
  }
}
