/**
 * Dials members that share a space with this device and are not connected, so that a space needs no device between them.
 *
 * In a mesh where all are connected it does nothing. In a larger one the devices of a space that are online form a ring, in
 * the order of their PeerIds: each dials the two that follow it. So each edit has a way, however the other connections lie.
 */

import { toLumosError } from '../../../interface/errors.ts'
import type { MeshContext } from '../../feature.ts'
import { Deadline } from '../../network/deadline.ts'
import type { MemoryEngine } from '../worker/engine.ts'

/** With one neighbour, a device that goes cuts the ring until it is looked at again. */
const NEIGHBOURS = 2
/** Half of what a node may hold: others can still reach it. */
const CONNECTIONS_WANTED = 64
const DIALS_AT_ONCE_MAX = 8
const DIAL_TIMEOUT_MS = 10_000
/** A device that could not be dialed has no place in the ring for so long. */
const UNREACHED_MS = 10 * 60_000

export interface ReachComponents {
  readonly engine: Pick<MemoryEngine, 'sharers'>
  readonly mesh: Pick<
    MeshContext,
    'peerId' | 'clock' | 'log' | 'members' | 'stated' | 'isConnected' | 'connect'
  >
  readonly signal: AbortSignal
}

export class Reach {
  readonly #components: ReachComponents
  /** Devices that could not be dialed, and until when they are left out. */
  readonly #unreached = new Map<string, number>()
  #looking: Promise<void> | undefined

  constructor(components: ReachComponents) {
    this.#components = components
  }

  /** One look at a time: it ends when each dial has. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { engine, mesh, signal } = this.#components
    const nowMs = mesh.clock.monotonicMs()
    for (const [peer, untilMs] of this.#unreached) if (untilMs <= nowMs) this.#unreached.delete(peer)

    const connected = new Set<string>()
    const away = new Set<string>()
    for (const { peerId } of mesh.members.list()) {
      if (peerId === mesh.peerId) continue
      if (mesh.isConnected(peerId)) connected.add(peerId)
      else if (mesh.stated(peerId) !== undefined && !this.#unreached.has(peerId)) away.add(peerId)
    }
    const room = Math.min(DIALS_AT_ONCE_MAX, CONNECTIONS_WANTED - connected.size)
    if (away.size === 0 || room <= 0) return
    const spaces = await engine.sharers([...connected, ...away], { signal })
    const next = spaces.flatMap(peers => neighboursOf(mesh.peerId, peers))
    const wanted = [...new Set(next)].filter(peer => away.has(peer)).slice(0, room)
    await Promise.all(wanted.map(peer => this.#dial(peer)))
  }

  async #dial(peer: string): Promise<void> {
    const { mesh, signal } = this.#components
    try {
      using deadline = new Deadline(mesh.clock, DIAL_TIMEOUT_MS, signal)
      await mesh.connect(peer, deadline)
    } catch (thrown) {
      this.#unreached.set(peer, mesh.clock.monotonicMs() + UNREACHED_MS)
      const { code, message } = toLumosError(thrown)
      mesh.log.debug({ peerId: peer, code, why: message }, 'a device of a space cannot be dialed')
    }
  }
}

/** Those that follow in the ring of all that have a space and are online. */
function neighboursOf(self: string, others: readonly string[]): string[] {
  const ring = [...others].sort()
  const after = ring.findIndex(peer => peer > self)
  const from = after === -1 ? 0 : after
  return [...ring.slice(from), ...ring.slice(0, from)].slice(0, NEIGHBOURS)
}
