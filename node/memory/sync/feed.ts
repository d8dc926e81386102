/** What one peer sends of spaces, as this device takes it: the engine says what holds. */

import { createHash } from 'node:crypto'
import {
  type ErrorCode,
  LumosError,
  ProtocolViolationError,
  toLumosError
} from '../../../interface/errors.ts'
import type { AbortOptions, Logger } from '../../../interface/lifecycle.ts'
import type { Asker, CarriedKey, Feed, Offer } from '../../../protocols/memory/index.ts'
import type { MemoryEngine } from '../worker/engine.ts'
import type { SyncEvent } from './sync-state.ts'

/** What a peer does not pass on unless it lies, for it checks the same before. */
const LIES: ReadonlySet<ErrorCode> = new Set(['MEMORY_INVALID', 'MEMORY_FORGED'])
/** A charter or checkpoint that ends the thread would end it again each time: envelopes become poison, these do not. */
const LIES_OR_STALLS: ReadonlySet<ErrorCode> = new Set([...LIES, 'TIMEOUT'])
/** The same of what a carrier passes on, which it could not check. */
const STALLS: ReadonlySet<ErrorCode> = new Set(['MEMORY_FORGED', 'TIMEOUT'])
/** Pieces of a checkpoint that are asked for at once: 15 MiB at most. */
const PIECES_AT_ONCE = 64

export interface FeedComponents extends AbortOptions {
  readonly engine: MemoryEngine
  readonly log: Logger
  readonly peer: string
  readonly asker: Asker
  step(event: SyncEvent): void
  /** Resolves when sync knows what the engine has. */
  refreshed(): Promise<void>
  onLie(err: LumosError): void
  /** An envelope of a writer came that may not write, as far as is known here. */
  onDenied(space: string): void
  onClosed(): void
}

/** A checkpoint of which pieces are on their way. */
interface Rebase {
  readonly record: Uint8Array
  /** In hex: what was asked for and did not come yet. */
  readonly needed: Set<string>
  /** What was asked for of the checkpoint before this one: it may be on its way. */
  readonly late: Set<string>
}

export class SpaceFeed implements Feed {
  readonly #components: FeedComponents
  readonly #rebases = new Map<string, Rebase>()
  readonly onClosed: () => void

  constructor(components: FeedComponents) {
    this.#components = components
    this.onClosed = components.onClosed
  }

  onOffer(offer: Offer): void {
    const { peer, step } = this.#components
    step({ type: 'offer', peer, offer })
  }

  onEnd(space: string): void {
    const { peer, step } = this.#components
    step({ type: 'end', peer, space })
  }

  onNone(space: string): void {
    const { peer, step } = this.#components
    step({ type: 'none', peer, space })
  }

  async onCharters(
    space: string,
    records: readonly Uint8Array[],
    key: Uint8Array | null,
    keys: readonly CarriedKey[]
  ): Promise<void> {
    const { engine, peer, signal } = this.#components
    await this.#taking(
      space,
      () => engine.acceptCharters(space, { records, key, keys }, peer, { signal }),
      LIES_OR_STALLS
    )
  }

  async onEnvelopes(space: string, envelopes: readonly Uint8Array[]): Promise<void> {
    const { engine, peer, step, signal } = this.#components
    await this.#taking(space, async () => {
      let isBad = false
      const { waiting, refused } = await engine.accept(space, envelopes, peer, { signal })
      for (const { code, message, writer } of refused) {
        const why = new LumosError(code, message)
        this.#components.log.warn(
          { peerId: peer, writer: writer?.device, code, why: message },
          'an envelope was refused'
        )
        // A carrier cannot read what a writer has signed: what does not hold in it is the writer's.
        if (LIES.has(code) && (writer === null || !(await this.#carries(space)))) throw why
        isBad ||= LIES.has(code)
        if (code === 'MEMORY_DENIED') this.#components.onDenied(space)
      }
      step({ type: 'took', peer, space, heads: [], isBad })
      if (waiting > 0) step({ type: 'gap', peer, space })
    })
  }

  async onCheckpoint(space: string, record: Uint8Array): Promise<void> {
    const late = this.#rebases.get(space)?.needed ?? new Set()
    this.#rebases.set(space, { record: new Uint8Array(record), needed: new Set(), late })
    await this.#rebase(space)
  }

  async onPieces(space: string, pieces: readonly Uint8Array[]): Promise<void> {
    const { engine, signal } = this.#components
    const rebase = this.#rebases.get(space)
    const asked = pieces.filter(piece => {
      const hash = createHash('sha256').update(piece).digest('hex')
      if (rebase?.needed.delete(hash) === true) return true
      if (rebase?.late.delete(hash) === true) return false
      throw new ProtocolViolationError('A peer has sent a piece that was not asked for.')
    })
    if (asked.length === 0) return
    await this.#taking(space, () => engine.putPieces(space, asked, { signal }))
    if (rebase?.needed.size === 0) await this.#rebase(space)
  }

  /** Asks for what is missing of a checkpoint, or takes it. */
  async #rebase(space: string): Promise<void> {
    const { engine, peer, asker, step, refreshed, signal } = this.#components
    const { record, needed } = this.#rebases.get(space)!
    const take = () => engine.takeCheckpoint(space, record, peer, { signal })
    const taken = await this.#taking(space, take, (await this.#carries(space)) ? STALLS : LIES_OR_STALLS)
    if (taken === undefined) return void this.#rebases.delete(space)
    if (taken.missing.length > 0) {
      const missing = taken.missing.slice(0, PIECES_AT_ONCE)
      for (const hash of missing) needed.add(Buffer.from(hash).toString('hex'))
      asker.need(space, missing)
      return
    }
    this.#rebases.delete(space)
    await refreshed()
    step({ type: 'rebased', peer, space })
  }

  async #carries(space: string): Promise<boolean> {
    const { engine, peer, signal } = this.#components
    return (await engine.rightOf(space, peer, { signal })) === 'carry'
  }

  /** A space that cannot be taken leaves the stream to the others; a lie ends it. */
  async #taking<T>(space: string, take: () => Promise<T>, lies = LIES): Promise<T | undefined> {
    const { peer, step, log, onLie } = this.#components
    try {
      return await take()
    } catch (thrown) {
      const err = toLumosError(thrown)
      step({ type: 'refused', peer, space })
      if (lies.has(err.code)) {
        onLie(err)
        throw err
      }
      log.info({ peerId: peer, code: err.code, why: err.message }, 'a space was not taken')
      return undefined
    }
  }
}
