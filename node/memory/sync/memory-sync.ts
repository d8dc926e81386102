/** Keeps spaces in step with those peers that may have them: carries out what `sync-core.ts` decides. */

import type { Timer } from '../../../interface/clock.ts'
import { type LumosError, PeerUnreachableError, toLumosError } from '../../../interface/errors.ts'
import type { Asker, Feed, StatedHead } from '../../../protocols/memory/index.ts'
import type { MeshContext } from '../../feature.ts'
import type { EngineEvent, MemoryEngine } from '../worker/engine.ts'
import { SpaceFeed } from './feed.ts'
import { Links } from './links.ts'
import { Reach } from './reach.ts'
import { RESTATE_MS, stepSync } from './sync-core.ts'
import { holders, newSync, type SyncEffect, type SyncEvent, type SyncState } from './sync-state.ts'
import { Views } from './views.ts'

/** A peer that sent what no honest one does is not heard for this long. */
const LIAR_MS = 60_000
/** Liars that are remembered. The oldest goes first. */
const LIARS_MAX = 1024
/** What others wrote is taken note of together: a burst of envelopes is one change. */
const GATHER_MS = 5

export interface MemorySyncComponents {
  readonly engine: MemoryEngine
  readonly mesh: MeshContext
}

export class MemorySync {
  readonly #components: MemorySyncComponents
  readonly #stopped = new AbortController()
  readonly #views: Views
  readonly #state: SyncState
  readonly #links: Links
  readonly #reach: Reach
  readonly #connected = new Set<string>()
  /** By peer: the stream on which it offers. */
  readonly #feeds = new Map<string, Asker>()
  readonly #timers = new Map<string, Timer>()
  readonly #liarsUntilMs = new Map<string, number>()
  /** By space: from which peers something came that the core was not told of. */
  readonly #gathered = new Map<string, Map<string | null, StatedHead[]>>()
  /** By peer: spaces of which something was refused, by what was known of its writer then. */
  readonly #denied = new Map<string, Set<string>>()
  /** Spaces that have changed, where the core was not told yet. */
  readonly #unseen = new Set<string>()
  #refreshing: Promise<void> | undefined
  #again = false
  #unlisten: (() => void) | undefined

  constructor(components: MemorySyncComponents) {
    this.#components = components
    const { engine, mesh } = components
    this.#views = new Views(engine, mesh.peerId)
    this.#state = newSync((space, peer) => this.#views.mayKnow(space, peer))
    this.#links = new Links({
      ...{ engine, mesh, signal: this.#stopped.signal },
      mayKnow: this.#state.mayKnow,
      step: event => this.#step(event)
    })
    this.#reach = new Reach({ engine, mesh, signal: this.#stopped.signal })
  }

  async start(): Promise<void> {
    this.#unlisten = this.#components.engine.onEvent(event => this.#onEvent(event))
    await this.#refresh()
    this.#restate()
  }

  stop(): void {
    this.#stopped.abort()
    this.#unlisten?.()
    this.#links.close()
    for (const timer of this.#timers.values()) timer.cancel()
    for (const asker of this.#feeds.values()) asker.abort(new PeerUnreachableError('The node is stopping.'))
  }

  /** A member is connected. */
  async met(peer: string): Promise<void> {
    this.#connected.add(peer)
    await this.#views.ask(peer, { signal: this.#stopped.signal }).catch(this.#failed)
    if (this.#connected.has(peer)) this.#step({ type: 'met', peer })
    else this.#views.drop(peer)
  }

  gone(peer: string): void {
    this.#connected.delete(peer)
    this.#views.drop(peer)
    this.#denied.delete(peer)
    this.#links.drop(peer)
    this.#step({ type: 'gone', peer })
  }

  /** Rights may have changed: of the mesh, or of a space. */
  async changed(): Promise<void> {
    await this.#refresh()
    const denied = [...this.#denied]
    this.#denied.clear()
    for (const [peer, spaces] of denied)
      for (const space of spaces) this.#step({ type: 'rebased', peer, space })
  }

  /**
   * A peer has opened a stream on which to offer. An earlier one of it ends.
   *
   * @throws {LumosError} why this peer is not heard.
   */
  async feedOf(peer: string, asker: Asker): Promise<Feed> {
    const { engine, mesh } = this.#components
    if ((this.#liarsUntilMs.get(peer) ?? 0) > mesh.clock.monotonicMs())
      throw new PeerUnreachableError(`${peer} has sent what does not hold, and is not heard for a while.`)
    this.#feeds.get(peer)?.abort(new PeerUnreachableError('Another stream has taken its place.'))
    this.#feeds.set(peer, asker)
    await this.met(peer)
    this.#step({ type: 'unfed', peer })
    const isCurrent = (): boolean => this.#feeds.get(peer) === asker
    return new SpaceFeed({
      ...{ engine, log: mesh.log, peer, asker, signal: this.#stopped.signal },
      step: event => isCurrent() && this.#step(event),
      refreshed: () => this.#refresh(),
      onLie: err => this.#onLie(peer, err),
      onDenied: space => {
        this.#denied.set(peer, (this.#denied.get(peer) ?? new Set()).add(space))
      },
      onClosed: () => {
        if (!isCurrent()) return
        this.#feeds.delete(peer)
        this.#step({ type: 'unfed', peer })
      }
    })
  }

  /** Connected peers that have this space, and whether each is known to have all that is here, its charter too. */
  peersOf(space: string): { peerId: string; inStep: boolean }[] {
    return holders(this.#state, space).map(({ peerId, inStep }) => {
      return { peerId, inStep: inStep && !this.#unseen.has(space) }
    })
  }

  #step(event: SyncEvent): void {
    if (this.#stopped.signal.aborted) return
    const { clock, random } = this.#components.mesh
    const { effects } = stepSync(this.#state, event, clock.monotonicMs(), random)
    for (const effect of effects) this.#do(effect)
  }

  #do(effect: SyncEffect): unknown {
    const { engine } = this.#components
    switch (effect.type) {
      case 'timer':
        return this.#after(effect.id, effect.ms, () => this.#step({ type: 'timer', id: effect.id }))
      case 'sendWant':
        return this.#feeds.get(effect.peer)?.want(effect)
      case 'sendHave':
        return this.#feeds.get(effect.peer)?.have(effect)
      case 'compare': {
        const state = this.#views.stateOf(effect.offer)
        const { signal } = this.#stopped
        return state && void engine.compare(effect.peer, state, { signal }).catch(this.#failed)
      }
      default:
        return this.#links.do(effect)
    }
  }

  #after(id: string, ms: number, task: () => void): void {
    const run = (): void => {
      this.#timers.delete(id)
      task()
    }
    this.#timers.get(id)?.cancel()
    this.#timers.set(id, this.#components.mesh.clock.setTimer(run, ms))
  }

  #onEvent(event: EngineEvent): void {
    if (event.type === 'space') {
      this.#unseen.add(event.space)
      void this.#refresh()
    }
    if (event.type !== 'appended') return
    const { space, head, from } = event
    if (!this.#views.append(space, head)) return void this.#refresh()
    const peers = this.#gathered.get(space) ?? new Map<string | null, StatedHead[]>()
    const heads = peers.get(from) ?? []
    this.#gathered.set(space, peers.set(from, heads))
    heads.push(head)
    // What was written here goes out at once.
    if (from === null) this.#tell(space)
    else if (!this.#timers.has(`gather ${space}`))
      this.#after(`gather ${space}`, GATHER_MS, () => this.#tell(space))
  }

  #tell(space: string): void {
    const peers = this.#gathered.get(space)
    this.#gathered.delete(space)
    const view = this.#views.view(space)
    if (view === undefined || peers === undefined) return
    this.#step({ type: 'space', view, own: peers.has(null) })
    for (const [peer, heads] of peers) if (peer !== null) this.#step({ type: 'took', peer, space, heads })
  }

  /** Asks the engine anew what is here and who may know of it; one call at a time, and another one after it. */
  #refresh(): Promise<void> {
    this.#again = true
    this.#refreshing ??= this.#refreshAll().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #refreshAll(): Promise<void> {
    const { signal } = this.#stopped
    while (this.#again && !signal.aborted) {
      this.#again = false
      const changed = [...this.#unseen]
      try {
        const gone = await this.#views.refresh({ signal })
        for (const peer of this.#state.peers.keys()) await this.#views.ask(peer, { signal })
        for (const space of gone) this.#step({ type: 'forgotten', space })
        for (const view of this.#views.views()) this.#step({ type: 'space', view, own: false })
        for (const space of changed) this.#unseen.delete(space)
        // Not waited for: a dial takes seconds.
        void this.#reach.look().catch(this.#failed)
      } catch (thrown) {
        this.#failed(thrown)
      }
    }
  }

  /** The content of each space is reckoned anew, so that it can be compared. */
  #restate(): void {
    this.#after('restate', RESTATE_MS, () => {
      void this.#refresh()
      this.#restate()
    })
  }

  #onLie(peer: string, { code, message }: LumosError): void {
    const { clock, log } = this.#components.mesh
    log.warn({ peerId: peer, code, why: message }, 'a peer has sent of a space what does not hold')
    this.#liarsUntilMs.delete(peer)
    this.#liarsUntilMs.set(peer, clock.monotonicMs() + LIAR_MS)
    if (this.#liarsUntilMs.size > LIARS_MAX)
      this.#liarsUntilMs.delete(this.#liarsUntilMs.keys().next().value!)
  }

  readonly #failed = (thrown: unknown): void => {
    if (this.#stopped.signal.aborted) return
    const { code, message } = toLumosError(thrown)
    this.#components.mesh.log.warn({ code, why: message }, 'memory did not answer sync')
  }
}
