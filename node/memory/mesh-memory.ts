/** The part of memory in one mesh: who its members are, and the protocol between them. */

import type { Timer } from '../../interface/clock.ts'
import { toLumosError } from '../../interface/errors.ts'
import { ROLES } from '../../interface/membership.ts'
import { MEMORY_PROTOCOL, MEMORY_STREAMS_INBOUND_MAX, MemoryHandler } from '../../protocols/memory/index.ts'
import type { MeshContext, Participation } from '../feature.ts'
import type { AcceptedPeer } from '../membership/index.ts'
import type { MemorySync } from './sync/memory-sync.ts'
import type { EngineMember, MemoryEngine } from './worker/engine.ts'

/** Roles change, and devices are removed, while no connection of theirs says so. */
const MEMBERS_MS = 5000

export interface MeshMemoryComponents {
  readonly mesh: MeshContext
  /** Starts the thread of memory where it does not run. */
  engine(): Promise<MemoryEngine>
  /** Whether there is anything to keep in step. */
  isInUse(): boolean
}

export class MeshMemory implements Participation {
  readonly #components: MeshMemoryComponents
  readonly #handler: MemoryHandler
  /** Members that are connected. */
  readonly #met = new Set<string>()
  #sync: MemorySync | undefined
  #engine: MemoryEngine | undefined
  #begun: Promise<void> | undefined
  #members = ''
  #timer: Timer | undefined
  #state: 'made' | 'started' | 'stopped' = 'made'

  constructor(components: MeshMemoryComponents) {
    this.#components = components
    const { clock, log } = components.mesh
    this.#handler = new MemoryHandler({
      ...{ clock, log },
      feedOf: async (peer, asker) => {
        await components.engine()
        await this.#begun
        if (this.#sync === undefined) throw new Error('Memory does not run.')
        return await this.#sync.feedOf(peer, asker)
      }
    })
  }

  get protocols() {
    return [
      {
        ids: MEMORY_PROTOCOL,
        // A space may be shared with each role. What a peer may know is asked for each space.
        openers: ROLES,
        inboundMax: MEMORY_STREAMS_INBOUND_MAX,
        handle: this.#handler.onStream
      }
    ]
  }

  async start(): Promise<void> {
    this.#state = 'started'
    if (!this.#components.isInUse()) return
    // A node whose memory is damaged does everything else.
    await this.#components
      .engine()
      .then(engine => this.begin(engine))
      .catch(this.#failed)
  }

  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#timer?.cancel()
    this.#handler.close()
    this.#sync?.stop()
    this.#sync = undefined
  }

  /** Not waited for: the thread of memory may be busy, and other features have the member to take up. */
  readonly onMember = ({ connection }: AcceptedPeer): void => {
    const peer = connection.remotePeer.toString()
    this.#met.add(peer)
    void this.tellMembers().then(async () => {
      if (this.#met.has(peer)) await this.#sync?.met(peer)
    })
  }

  readonly onGone = (peer: string): void => {
    this.#met.delete(peer)
    this.#sync?.gone(peer)
    void this.tellMembers()
  }

  /** The thread of memory runs. Called again, it changes nothing. */
  begin(engine: MemoryEngine): Promise<void> {
    if (this.#state !== 'started') return Promise.resolve()
    this.#begun ??= this.#begin(engine).catch(this.#failed)
    return this.#begun
  }

  peersOf(space: string): { peerId: string; inStep: boolean }[] {
    return this.#sync?.peersOf(space) ?? []
  }

  async #begin(engine: MemoryEngine): Promise<void> {
    const { MemorySync } = await import('./sync/memory-sync.ts')
    this.#engine = engine
    await this.tellMembers()
    const sync = new MemorySync({ engine, mesh: this.#components.mesh })
    await sync.start()
    if (this.#state !== 'started') return sync.stop()
    this.#sync = sync
    for (const peer of this.#met) await sync.met(peer)
    this.#look()
  }

  #look(): void {
    const { clock } = this.#components.mesh
    this.#timer = clock.setTimer(() => {
      void this.tellMembers()
      this.#look()
    }, MEMBERS_MS)
  }

  /** Tells the engine who the members are, where that has changed. */
  async tellMembers(): Promise<void> {
    const { meshId, members } = this.#components.mesh
    const now: EngineMember[] = members
      .list()
      .map(({ peerId, role }) => ({ peerId, role, revoked: false }))
      .concat(
        members.removedBy().map(peerId => {
          return { peerId, role: members.lastKnown(peerId)?.role ?? 'member', revoked: true }
        })
      )
    const text = JSON.stringify(now)
    if (this.#engine === undefined || text === this.#members) return
    this.#members = text
    try {
      await this.#engine.setMembers(meshId, now)
      await this.#sync?.changed()
    } catch (thrown) {
      this.#members = ''
      this.#failed(thrown)
    }
  }

  readonly #failed = (thrown: unknown): void => {
    const { code, message } = toLumosError(thrown)
    if (this.#state === 'stopped') return
    this.#components.mesh.log.error({ code, why: message }, 'memory is not kept in step')
  }
}
