/** Reads the mesh by units. Other devices are asked side by side, a few at a time: a slow one delays no other. */

import type { DeviceMetrics } from '../../../interface/device.ts'
import type { MemberInfo } from '../../../interface/mesh.ts'
import type { PeerInfo } from '../../../interface/node.ts'
import type { RequestSummary } from '../../../interface/routing.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { NodeStatus } from '../../../interface/status.ts'
import type { NodeClient } from '../../client.ts'
import type { DeviceRow, ModelRow, RequestRow, Snapshot } from './snapshot.ts'

/** Calls of other devices under way: of 200 devices, each is asked about twice a minute. */
export const ASKED_MAX = 8
/** A device that takes longer is shown with what it said before. */
export const ANSWER_MS = 2_000
/** Loads of one device: as many as its sparkline has columns. */
const LOADS_MAX = 12
/** Requests that are read; the screen has fewer rows. */
const REQUESTS_MAX = 100

type Told = Pick<DeviceRow, 'load' | 'memoryUsed' | 'memoryTotal' | 'running' | 'queued'> & {
  readonly loads: readonly number[]
  readonly drained: boolean
  readonly yields: boolean
}

interface ListedModel {
  readonly id: string
  readonly type: string
  readonly status: string
  readonly size: number | null
  readonly providers: readonly { readonly name: string; readonly tokensPerSecond: number | null }[]
}

const NOTHING: Told = {
  ...{ load: null, loads: [], memoryUsed: null, memoryTotal: null, running: null, queued: null },
  ...{ drained: false, yields: false }
}

export class Collector {
  readonly #node: Pick<NodeClient, 'execute'>
  readonly #nowMs: () => number
  readonly #told = new Map<string, Told>()
  readonly #asking = new Map<string, Promise<void>>()
  /** Those asked longest ago come first. */
  readonly #order = new Set<string>()

  constructor(node: Pick<NodeClient, 'execute'>, nowMs: () => number) {
    this.#node = node
    this.#nowMs = nowMs
  }

  /** @throws {LumosError} when this node does not answer. */
  async read(signal: AbortSignal): Promise<Snapshot> {
    const ask = async <T>(unit: string, input: object = {}) =>
      (await this.#node.execute<T>(unit, input, { signal })).data
    const [status, members, peers, metrics, models, requests] = await Promise.all([
      ask<NodeStatus>('mesh.status'),
      ask<{ items: MemberInfo[] }>('mesh.members'),
      ask<{ items: PeerInfo[] }>('mesh.peers'),
      ask<DeviceMetrics>('device.metrics'),
      ask<{ items: ListedModel[] }>('model.list'),
      ask<{ items: RequestSummary[] }>('inference.requests', { limit: REQUESTS_MAX })
    ])
    this.#remember(status.peer_id, status, metrics)
    const there = new Map(peers.items.map(peer => [peer.peer_id, peer]))
    this.#askPeers(there, signal)
    const own = ownModels(models.items, status.name)
    return {
      ...{ mesh: status.mesh, name: status.name, version: status.version },
      devices: members.items.map(member => this.#row(member, there.get(member.peer_id), own)),
      models: models.items.map(modelRow),
      requests: requests.items.map(one => requestRow(one, this.#nowMs()))
    }
  }

  /** Resolves when no call of another device is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#asking.values())
  }

  #askPeers(there: ReadonlyMap<string, unknown>, signal: AbortSignal): void {
    for (const peerId of this.#order) if (!there.has(peerId)) this.#forget(peerId)
    for (const peerId of there.keys()) this.#order.add(peerId)
    for (const peerId of [...this.#order]) {
      if (this.#asking.size >= ASKED_MAX) return
      if (this.#asking.has(peerId)) continue
      this.#order.delete(peerId)
      this.#order.add(peerId)
      const asked = this.#askPeer(peerId, signal).finally(() => this.#asking.delete(peerId))
      this.#asking.set(peerId, asked)
    }
  }

  async #askPeer(peer: string, signal: AbortSignal): Promise<void> {
    const options = { peer, timeoutMs: ANSWER_MS, signal }
    try {
      const [status, metrics] = await Promise.all([
        this.#node.execute<NodeStatus>('mesh.status', {}, options),
        this.#node.execute<DeviceMetrics>('device.metrics', {}, options)
      ])
      if (this.#order.has(peer)) this.#remember(peer, status.data, metrics.data)
    } catch {
      // A device that does not let this one look is shown without its load.
    }
  }

  #remember(peerId: string, status: SnakeCase<NodeStatus>, metrics: SnakeCase<DeviceMetrics>): void {
    const { loads } = this.#told.get(peerId) ?? NOTHING
    const load = metrics.utilization
    this.#told.set(peerId, {
      ...{ load, loads: load === null ? loads : [...loads, load].slice(-LOADS_MAX) },
      ...{ memoryUsed: metrics.memory_used, memoryTotal: metrics.memory_total },
      ...{ running: status.requests.running, queued: status.requests.queued },
      ...{ drained: status.drained, yields: status.yielding.length > 0 }
    })
  }

  #forget(peerId: string): void {
    this.#order.delete(peerId)
    this.#told.delete(peerId)
  }

  #row(
    member: SnakeCase<MemberInfo>,
    peer: SnakeCase<PeerInfo> | undefined,
    own: readonly string[]
  ): DeviceRow {
    const { drained, yields, ...told } = this.#told.get(member.peer_id) ?? NOTHING
    const online = member.self || peer !== undefined
    const busy = drained ? 'drained' : yields ? 'yields' : member.self ? 'this' : 'online'
    const models = member.self ? own : (peer?.capabilities ?? []).map(({ model }) => model)
    return {
      ...{ peerId: member.peer_id, name: member.name, role: member.role },
      state: member.duplicated ? 'duplicated' : online ? busy : 'offline',
      ...{ path: peer?.path ?? null, rttMs: peer?.rtt_ms ?? null },
      ...told,
      models: [...new Set(models)]
    }
  }
}

const ownModels = (models: readonly SnakeCase<ListedModel>[], name: string): string[] =>
  models.filter(({ providers }) => providers.some(one => one.name === name)).map(({ id }) => id)

function modelRow({ id, type, status, size, providers }: SnakeCase<ListedModel>): ModelRow {
  const speeds = providers.map(one => one.tokens_per_second).filter(speed => speed !== null)
  const devices = [...new Set(providers.map(({ name }) => name))]
  const tokensPerSecond = speeds.length === 0 ? null : Math.max(...speeds)
  return { id, type, status, size, devices, tokensPerSecond }
}

const requestRow = (one: SnakeCase<RequestSummary>, nowMs: number): RequestRow => ({
  ...{ requestId: one.request_id, model: one.model, task: one.task, device: one.name },
  state: one.outcome ?? 'running',
  durationMs: one.duration_ms ?? Math.max(0, nowMs - one.at_ms),
  ...{ firstChunkMs: one.first_chunk_ms, chunks: one.chunks }
})
