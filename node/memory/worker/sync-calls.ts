/** The part of the engine that sync uses: what goes to peers and what comes from them. */

import { LumosError, toLumosError } from '../../../interface/errors.ts'
import type { SpaceRight } from '../../../interface/memory.ts'
import { openCharter } from '../../../protocols/memory/charter.ts'
import { equal } from '../../../protocols/memory/envelope.ts'
import { acknowledge } from '../space/drop-log.ts'
import { isLost } from '../space/lost-keys.ts'
import { envelopesAfter } from '../space/outlet.ts'
import { problemOf } from '../space/problem.ts'
import { contentHash } from '../space/reading.ts'
import { atLeast, rightIn } from '../space/rights.ts'
import { keepKeys } from '../space/sealed-keys.ts'
import type { Space } from '../space/space.ts'
import type { Spaces } from '../space/spaces.ts'
import { type Head, writerName } from '../types.ts'
import type { Accepted, CharterBundle, SpaceState } from './engine.ts'

/** A peer that says another hash each time does not make this node rebuild a space each time. */
const REBUILD_EVERY_MS = 5 * 60 * 1000

export class SyncCalls {
  protected readonly all: Spaces
  readonly #rebuiltMs = new Map<string, number>()
  /** Of which a problem was said. */
  readonly #broken = new Set<string>()

  constructor(all: Spaces) {
    this.all = all
  }

  statesFor(peerId: string): SpaceState[] {
    return this.all
      .list({ gone: true })
      .filter(({ charter: { charter } }) => atLeast(rightIn(charter, peerId, this.all.parts.mesh), 'carry'))
      .map(space => this.#stateOf(space))
  }

  sharers(peerIds: readonly string[]): string[][] {
    const { mesh } = this.all.parts
    return this.all
      .list({ gone: true })
      .map(({ charter: { charter } }) =>
        peerIds.filter(peer => atLeast(rightIn(charter, peer, mesh), 'carry'))
      )
      .filter(peers => peers.length > 0)
  }

  /** Nothing where the space is broken: the others go on. Said once, for it is asked for often. */
  protected tried<T>(space: Space, work: () => T): T | undefined {
    try {
      const made = work()
      this.#broken.delete(space.id)
      return made
    } catch (thrown) {
      if (toLumosError(thrown).code.startsWith('STORE_')) throw thrown
      if (!this.#broken.has(space.id)) this.all.parts.emit(problemOf(space, thrown))
      this.#broken.add(space.id)
      return undefined
    }
  }

  #stateOf(space: Space): SpaceState {
    const { charter, hash } = space.charter
    const canHash = space.isReadable && !charter.gone
    const base = this.#baseOf(space)?.checkpoint
    const checkpoint = base && {
      number: base.number,
      heads: base.heads.map(({ device, life, seq, hash }) => ({ writer: { device, life }, seq, hash }))
    }
    return {
      space: space.id,
      isReadable: space.isReadable || charter.gone,
      charter: { version: charter.version, hash },
      heads: space.heads(),
      hash: canHash ? (this.tried(space, () => contentHash(this.all, space)) ?? '') : '',
      checkpoint: checkpoint ?? null
    }
  }

  /** One whose key lost to another one opens on few devices: they take the envelopes. */
  #baseOf(space: Space) {
    const base = this.all.bases.of(space)
    return base !== null && isLost(space, base.checkpoint.sealed) ? null : base
  }

  rightOf(id: string, peerId: string): SpaceRight | null {
    const space = this.all.find(id)
    return space === undefined ? null : rightIn(space.charter.charter, peerId, this.all.parts.mesh)
  }

  charters(id: string, from: number, forPeer: string): CharterBundle {
    const space = this.all.known(id)
    if (from === 1) this.all.tending.newcomer(space)
    return this.all.charters.bundle(space, from, forPeer)
  }

  acceptCharters(id: string, bundle: CharterBundle, from: string): boolean {
    if (this.all.isGone(id)) return false
    const space = this.all.find(id)
    if (space === undefined) {
      const [first] = bundle.records
      if (first !== undefined) this.all.checkRoom(openCharter(first).charter.creator)
      const made = this.all.add(this.all.charters.join(id, bundle, name => this.all.freeName(name)))
      if (made.carried) keepKeys(this.all.parts, made, bundle.keys ?? [], from)
      return true
    }
    const isNew = this.all.charters.accept(space, bundle, name => this.all.freeName(name))
    if (space.carried) keepKeys(this.all.parts, space, bundle.keys ?? [], from)
    if (space.charter.charter.gone) this.all.remove(space)
    else this.tried(space, () => this.#afterLoss(space))
    return isNew
  }

  /** Where a key of ours lost to another one. A space without room for that keeps its charters all the same. */
  #afterLoss(space: Space): void {
    const { author, bases, checkpoints, parts } = this.all
    author.handOver(space)
    const base = bases.of(space)?.checkpoint
    if (base === undefined || !isLost(space, base.sealed) || !space.isReadable) return
    // Its signer only: one is enough.
    const mayRenew = rightIn(space.charter.charter, parts.key.peerId, parts.mesh) === 'own'
    if (base.by === parts.key.peerId && mayRenew) checkpoints.compact(space)
  }

  envelopesAfter(id: string, heads: readonly Head[], bytesMax: number): Uint8Array[] {
    return envelopesAfter(this.all.parts, this.all.known(id), heads, bytesMax)
  }

  accept(id: string, envelopes: readonly Uint8Array[], from: string): Accepted {
    const space = this.all.living(id)
    const accepted = this.all.intake.accept(space, envelopes, from)
    if (accepted.taken > 0) {
      this.all.checkpoints.settle(space)
      this.all.tending.grown(space)
    }
    return accepted
  }

  acknowledge(id: string, peerId: string, heads: readonly Head[]): void {
    acknowledge(this.all.parts, this.all.bases, this.all.known(id), peerId, heads)
  }

  compare(peerId: string, theirs: SpaceState): boolean {
    const space = this.all.find(theirs.space)
    if (space === undefined || !space.isReadable) return true
    const { parts, documents } = this.all
    const ours = this.#stateOf(space)
    if (!isComparable(ours, theirs) || ours.hash === theirs.hash) return true
    const now = parts.clock.monotonicMs()
    if (now - (this.#rebuiltMs.get(space.id) ?? Number.NEGATIVE_INFINITY) < REBUILD_EVERY_MS) return false
    this.#rebuiltMs.set(space.id, now)
    documents.rebuild(space)
    const message = `${peerId} has other content of the space ${space.id} by the same envelopes.`
    parts.emit({
      type: 'problem',
      space: space.id,
      refused: { code: 'MEMORY_DIVERGED', writer: null, message }
    })
    return contentHash(this.all, space) === theirs.hash
  }

  checkpoint(id: string): Uint8Array | null {
    return this.#baseOf(this.all.known(id))?.record ?? null
  }

  piece(id: string, hash: Uint8Array): Uint8Array | null {
    return this.all.parts.log.piece(this.all.known(id).row, hash) ?? null
  }

  putPieces(id: string, pieces: readonly Uint8Array[]): void {
    this.all.checkpoints.putPieces(this.all.living(id), pieces)
  }

  takeCheckpoint(id: string, record: Uint8Array, from: string): { missing: readonly Uint8Array[] } {
    try {
      return this.all.checkpoints.take(this.all.living(id), record)
    } catch (thrown) {
      if (thrown instanceof LumosError && thrown.code === 'MEMORY_DIVERGED') {
        const message = `${thrown.message} ${from} sent it.`
        const refused = { code: thrown.code, writer: null, message }
        this.all.parts.emit({ type: 'problem', space: id, refused })
      }
      throw thrown
    }
  }
}

function isComparable(ours: SpaceState, theirs: SpaceState): boolean {
  if (!equal(ours.charter.hash, theirs.charter.hash)) return false
  if (ours.checkpoint?.number !== theirs.checkpoint?.number || ours.heads.length !== theirs.heads.length)
    return false
  const known = new Map(theirs.heads.map(head => [writerName(head.writer), head]))
  return ours.heads.every(({ writer, seq, hash }) => {
    const head = known.get(writerName(writer))
    return head !== undefined && head.seq === seq && equal(head.hash, hash)
  })
}
