/** The streams on which this node offers its spaces, and sends what is wanted of them. */

import type { Timer } from '../../../interface/clock.ts'
import { PeerUnreachableError, toLumosError } from '../../../interface/errors.ts'
import { openEnvelope } from '../../../protocols/memory/envelope.ts'
import {
  type Askings,
  BATCH_BYTES,
  MEMORY_PROTOCOL,
  MemoryClient,
  type StatedHead
} from '../../../protocols/memory/index.ts'
import type { MeshContext } from '../../feature.ts'
import { Deadline } from '../../network/deadline.ts'
import type { MemoryEngine } from '../worker/engine.ts'
import { type Heads, keyOf, note, type SyncEffect, type SyncEvent } from './sync-state.ts'

const OPEN_TIMEOUT_MS = 10_000
/** What peers have is told to the engine this often: compaction has time. */
const ACKNOWLEDGE_MS = 1000

export interface LinksComponents {
  readonly engine: MemoryEngine
  readonly mesh: MeshContext
  readonly signal: AbortSignal
  mayKnow(space: string, peer: string): boolean
  step(event: SyncEvent): void
}

interface Link {
  readonly peer: string
  readonly client: MemoryClient
  /** Resolves when what was decided so far was sent. */
  sent: Promise<void>
}

type LinkEffect = Exclude<SyncEffect, { type: 'timer' | 'sendWant' | 'sendHave' | 'compare' }>

export class Links {
  readonly #components: LinksComponents
  readonly #links = new Map<string, Link>()
  /** By peer and space: the last heads that the peer has stated, of each writer. */
  readonly #stated = new Map<string, Map<string, StatedHead>>()
  #timer: Timer | undefined

  constructor(components: LinksComponents) {
    this.#components = components
  }

  close(): void {
    this.#timer?.cancel()
    for (const { client } of [...this.#links.values()])
      client.abort(new PeerUnreachableError('The node is stopping.'))
  }

  drop(peer: string): void {
    this.#links.get(peer)?.client.abort(new PeerUnreachableError('The peer is gone.'))
  }

  do(effect: LinkEffect): void {
    const { peer } = effect
    if (effect.type === 'link') return void this.#open(peer)
    const link = this.#links.get(peer)
    if (link === undefined) return
    // In the order in which the core has decided: charters come before the envelopes that they let in.
    link.sent = link.sent.then(() => this.#send(link, effect)).catch(thrown => this.#failed(link, thrown))
  }

  async #send(link: Link, effect: Exclude<LinkEffect, { type: 'link' }>): Promise<void> {
    const { client, peer } = link
    if (this.#links.get(peer) !== link) return
    switch (effect.type) {
      case 'sendOffer':
        return client.offer(effect.offer)
      case 'sendEnd':
        return client.end(effect.space)
      case 'sendNone':
        return client.none(effect.space)
      case 'sendCharters':
        return await this.#sendCharters(link, effect.space, effect.above)
      case 'sendCheckpoint':
        return await this.#sendCheckpoint(link, effect.space)
      case 'sendBatch':
        return await this.#sendBatch(link, effect.space, effect.known)
    }
  }

  async #sendCharters({ client, peer }: Link, space: string, above: number): Promise<void> {
    const { engine, signal, mayKnow } = this.#components
    const { records, key, keys } = await engine.charters(space, above + 1, peer, { signal })
    if (mayKnow(space, peer)) client.charters(space, records, key, keys)
  }

  async #sendCheckpoint({ client, peer }: Link, space: string): Promise<void> {
    const { engine, signal, mayKnow } = this.#components
    const record = await engine.checkpoint(space, { signal })
    if (record !== null && mayKnow(space, peer)) client.checkpoint(space, record)
  }

  async #sendBatch({ client, peer }: Link, space: string, known: Heads): Promise<void> {
    const { engine, signal, mayKnow, step } = this.#components
    const envelopes = await engine.envelopesAfter(space, [...known.values()], BATCH_BYTES, { signal })
    // The peer may have lost its right meanwhile.
    if (!mayKnow(space, peer)) return
    await client.envelopes(space, envelopes)
    const heads = new Map<string, StatedHead>()
    for (const envelope of envelopes) {
      const { device, life, seq, hash } = openEnvelope(envelope)
      const writer = { device, life }
      heads.set(keyOf(writer), { writer, seq, hash })
    }
    step({ type: 'sent', peer, space, known, heads: [...heads.values()] })
  }

  async #sendPieces({ client, peer }: Link, space: string, hashes: readonly Uint8Array[]): Promise<void> {
    const { engine, signal, mayKnow } = this.#components
    for (const hash of hashes) {
      if (!mayKnow(space, peer)) return
      const piece = await engine.piece(space, hash, { signal })
      // It belongs to a checkpoint that was replaced: the peer is offered the newer one.
      if (piece === null) return
      await client.pieces(space, [piece])
    }
  }

  async #open(peer: string): Promise<void> {
    const { mesh, signal, step } = this.#components
    const { clock, log } = mesh
    try {
      using deadline = new Deadline(clock, OPEN_TIMEOUT_MS, signal)
      const stream = await mesh.open(peer, MEMORY_PROTOCOL, deadline)
      const link: Link = { peer, client: new MemoryClient(stream, { clock }), sent: Promise.resolve() }
      this.#links.set(peer, link)
      link.client.serve(this.#askingsOf(link))
      step({ type: 'linked', peer })
    } catch (thrown) {
      const { code, message } = toLumosError(thrown)
      log.debug({ peerId: peer, code, why: message }, 'spaces cannot be offered to a peer')
      step({ type: 'unlinked', peer })
    }
  }

  #askingsOf(link: Link): Askings {
    const { step } = this.#components
    const { peer } = link
    return {
      onWant: want => {
        this.#acknowledge(peer, want.space, want.heads)
        step({ type: 'want', peer, ...want })
      },
      onHave: have => {
        this.#acknowledge(peer, have.space, have.heads)
        step({ type: 'have', peer, ...have })
      },
      onNeed: (space, pieces) => this.#sendPieces(link, space, pieces),
      onClosed: err => {
        if (this.#links.get(peer) !== link) return
        this.#links.delete(peer)
        this.#components.mesh.log.debug(
          { peerId: peer, err },
          'a stream to which spaces are offered has ended'
        )
        step({ type: 'unlinked', peer })
      }
    }
  }

  /** What a peer states of a space that it may not know is not heard. */
  #acknowledge(peer: string, space: string, heads: readonly StatedHead[]): void {
    if (!this.#components.mayKnow(space, peer)) return
    const key = `${peer} ${space}`
    const stated = this.#stated.get(key) ?? new Map<string, StatedHead>()
    note(stated, heads)
    this.#stated.set(key, stated)
    this.#timer ??= this.#components.mesh.clock.setTimer(() => void this.#tellStated(), ACKNOWLEDGE_MS)
  }

  async #tellStated(): Promise<void> {
    this.#timer = undefined
    const { engine, signal, mesh } = this.#components
    const stated = [...this.#stated]
    this.#stated.clear()
    try {
      for (const [key, heads] of stated) {
        const [peer, space] = key.split(' ') as [string, string]
        await engine.acknowledge(space, peer, [...heads.values()], { signal })
      }
    } catch (thrown) {
      const { code, message } = toLumosError(thrown)
      if (!signal.aborted) mesh.log.debug({ code, why: message }, 'memory did not note what peers have')
    }
  }

  /** What could not be read or written ends the stream; the next one begins with what the peer has by then. */
  #failed({ client, peer }: Link, thrown: unknown): void {
    const { mesh, signal } = this.#components
    const err = toLumosError(thrown)
    if (!signal.aborted)
      mesh.log.debug({ peerId: peer, code: err.code, why: err.message }, 'a space was not sent')
    client.abort(err)
  }
}
