import { LumosError, PeerUnreachableError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { RemoteUnits, UnitCall, UnitServer } from '../../interface/remote.ts'
import type { Route } from '../../interface/units.ts'
import {
  UNIT_PROTOCOL,
  UNIT_STREAMS_INBOUND_MAX,
  UnitClient,
  UnitHandler
} from '../../protocols/unit/index.ts'
import type { Feature, FeatureComponents, MeshContext, Participation, ProtocolService } from '../feature.ts'
import { memberCalled } from '../membership/index.ts'
import { unitsForPeers } from './for-peers.ts'

export class RemoteFeature implements Feature<RemoteUnits>, RemoteUnits {
  readonly name = 'remote'
  readonly facet = this
  readonly #components: FeatureComponents
  readonly #clients = new Map<string, UnitClient>()
  #load: (() => Promise<UnitServer>) | undefined
  #mesh: MeshContext | undefined

  constructor(components: FeatureComponents) {
    this.#components = components
  }

  serve(load: () => Promise<UnitServer>): void {
    this.#load = load
  }

  join(mesh: MeshContext): Participation {
    this.#mesh = mesh
    const { clock, log } = mesh
    const load = () => this.#load?.() ?? Promise.reject(notServed())
    const handler = new UnitHandler({ clock, log, units: unitsForPeers(mesh, load) })
    const protocol: ProtocolService = {
      ids: UNIT_PROTOCOL,
      openers: ['admin', 'member', 'edge', 'guest'],
      inboundMax: UNIT_STREAMS_INBOUND_MAX,
      handle: handler.onStream
    }
    return {
      protocols: [protocol],
      onGone: peerId => void this.#forget(peerId),
      stop: () => {
        handler.close()
        return this.close()
      }
    }
  }

  find(called: string): Route {
    const mesh = this.#joined
    const { peerId, name } = memberCalled(mesh.members.list(), called)
    return { peerId, name, route: peerId === mesh.peerId ? 'local' : 'remote' }
  }

  execute(peerId: string, call: UnitCall, options?: AbortOptions): Promise<unknown> {
    return this.#client(peerId).execute(call, options)
  }

  stream(peerId: string, call: UnitCall, options?: AbortOptions): AsyncIterable<unknown> {
    return this.#client(peerId).stream(call, options)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#clients.keys()].map(peerId => this.#forget(peerId)))
  }

  get #joined(): MeshContext {
    if (this.#mesh === undefined) throw new LumosError('NODE_NOT_RUNNING', 'This node has not started.')
    return this.#mesh
  }

  #client(peerId: string): UnitClient {
    const known = this.#clients.get(peerId)
    if (known !== undefined) return known
    const client = new UnitClient({
      clock: this.#components.clock,
      openStream: options => this.#open(peerId, options)
    })
    this.#clients.set(peerId, client)
    return client
  }

  async #open(peerId: string, options: AbortOptions) {
    const { open, members } = this.#joined
    const name = members.get(peerId)?.name ?? peerId
    try {
      return await open(peerId, UNIT_PROTOCOL, options)
    } catch (cause) {
      options.signal?.throwIfAborted()
      if (cause instanceof Error && cause.name === 'UnsupportedProtocolError') throw tooOld(name, cause)
      throw new PeerUnreachableError(`${name} cannot be reached.`, { cause })
    }
  }

  async #forget(peerId: string): Promise<void> {
    const client = this.#clients.get(peerId)
    this.#clients.delete(peerId)
    await client?.close()
  }
}

const tooOld = (name: string, cause: Error): LumosError =>
  new LumosError('NOT_SUPPORTED', `The version of ${name} is too old: it runs no unit for another device.`, {
    cause,
    hint: `Update lumos-node on ${name}.`
  })

const notServed = (): LumosError =>
  new LumosError(
    'NOT_SUPPORTED',
    'This device is a program of its own, which runs no unit for another device.'
  )
