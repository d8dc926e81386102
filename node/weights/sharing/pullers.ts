/** The devices that download the same file as this one: what each states, lists and has, and the leaves that it sends. */

import { createHash } from 'node:crypto'
import type { Clock } from '../../../interface/clock.ts'
import {
  LumosError,
  PeerUnreachableError,
  ProtocolViolationError,
  toLumosError
} from '../../../interface/errors.ts'
import type { Logger } from '../../../interface/lifecycle.ts'
import { type BlocksClient, LISTS_PER_ANSWER, type Stated } from '../../../protocols/blocks/index.ts'
import { openLeafList } from '../../../protocols/weights/leaf-list.ts'
import { Deadline } from '../../network/deadline.ts'
import { Holder } from '../transfer/holder.ts'
import type { IncomingFile } from '../transfer/incoming.ts'
import type { MeshHolders } from '../transfer/mesh-holders.ts'
import { pickLeaf } from '../transfer/pick.ts'
import type { LeafLists } from './leaf-lists.ts'

/** Enough to use up any link, and a stream each. The device that downloads is one more. */
const HOLDERS_MAX = 16
/** Connected devices that are asked at once. */
const ASKED_AT_ONCE = 16
/** For the answers of all of them: one that takes longer is heard later. */
const ASKING_MS = 5000
/** A device that failed is asked again after this. */
const AGAIN_MS = 5000
/** One that did not download the file, when it asks for it: a question of it costs a question of this device. */
const AGAIN_MISSING_MS = 1000
/** Answers in a row that are full of lists. */
const ANSWERS_PER_LOOK = 16
/** Lists of one device beyond two a leaf: no honest device has more. */
const LISTS_SPARE = 64
/** A device that begins anew more often than this is asked no more: each time its lists count from none. */
const ROUNDS_MAX = 8
/** The peer does not hold to the protocol, or its disk is damaged. */
const LIES: ReadonlySet<string> = new Set(['WEIGHTS_INVALID', 'PROTOCOL_VIOLATION', 'FRAME_TOO_LARGE'])

export interface PullersComponents {
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
  readonly sha256: string
  readonly incoming: IncomingFile
  readonly lists: LeafLists
  readonly holders: Pick<MeshHolders, 'open' | 'onLiar' | 'maySign'>
  /** Whether the device takes part, as far as this one lets it. */
  admits(peerId: string): boolean
  stated(): Stated
  onHeard(peerId: string, stated: Stated): void
  /** @param askedMs it did not download the file when it was asked then. */
  onGone(peerId: string, askedMs?: number): void
  onLeaf(peerId: string, bytes: number): void
  onFailure(err: unknown): void
}

/** What was asked of a device, and read of its lists. */
interface Read {
  askedMs: number
  round: number
  rounds: number
  since: number
  lists: number
}

export class Pullers {
  readonly #components: PullersComponents
  readonly #holders = new Map<string, Holder>()
  readonly #joining = new Set<string>()
  readonly #notBeforeMs = new Map<string, number>()
  readonly #seen = new Set<string>()

  constructor(components: PullersComponents) {
    this.#components = components
  }

  /** Each of these is asked; resolves when they have answered, or had their time. */
  async ask(peerIds: readonly string[]): Promise<void> {
    const { clock, signal } = this.#components
    using deadline = new Deadline(clock, ASKING_MS, signal)
    const waiting = [...peerIds]
    const askAll = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await this.join(id)
    }
    const asked = Promise.all(Array.from({ length: ASKED_AT_ONCE }, askAll))
    await Promise.race([asked, new Promise(resolve => deadline.signal.addEventListener('abort', resolve))])
  }

  /**
   * The device is asked, and again and again where it downloads the file, too. Resolves with its first answer.
   *
   * @param isLeader it is asked however many there are.
   */
  async join(peerId: string, isLeader = false): Promise<void> {
    const { clock, signal, admits } = this.#components
    const isFull = this.#holders.size >= HOLDERS_MAX && !isLeader
    const isEarly = clock.monotonicMs() < (this.#notBeforeMs.get(peerId) ?? 0)
    if (signal.aborted || isFull || isEarly || !admits(peerId)) return
    if (this.#holders.has(peerId) || this.#joining.has(peerId)) return
    this.#joining.add(peerId)
    const first = Promise.withResolvers<void>()
    void this.#employ(peerId, first.resolve)
    await first.promise
  }

  /** There is more to ask for. */
  wake(): void {
    for (const holder of this.#holders.values()) holder.wake()
  }

  /** All are told what this device does now. */
  tell(): void {
    for (const holder of this.#holders.values()) holder.look()
  }

  /** A device states to have a leaf that is listed and is not here. */
  get hasMore(): boolean {
    const { incoming } = this.#components
    const holders = [...this.#holders.values()]
    for (let leaf = 0; leaf < incoming.leaves; leaf++)
      if (!incoming.has(leaf) && holders.some(holder => holder.has(incoming, leaf))) return true
    return false
  }

  /** What this device has listed counts no more. */
  dismiss(peerId: string): void {
    this.#holders.get(peerId)?.end(new LumosError('CANCELLED', 'The device is asked no more.'))
  }

  close(): void {
    for (const { client } of this.#holders.values()) client.abort(CLOSED)
  }

  async #employ(peerId: string, onAnswer: () => void): Promise<void> {
    const { clock, log, signal, incoming, holders, onGone } = this.#components
    const read: Read = { askedMs: clock.monotonicMs(), round: 0, rounds: 0, since: 0, lists: 0 }
    let askedMs: number | undefined
    let client: BlocksClient | undefined
    let holder: Holder | undefined
    try {
      client = await holders.open(peerId, { signal })
      holder = this.#holderOf(peerId, client, read)
      await holder.lookAt(incoming)
      this.#holders.set(peerId, holder)
      this.#joining.delete(peerId)
      onAnswer()
      await holder.run()
    } catch (thrown) {
      const err = toLumosError(thrown)
      const afterMs = thrown === MISSING ? AGAIN_MISSING_MS : AGAIN_MS
      if (thrown === MISSING) askedMs = read.askedMs
      this.#notBeforeMs.set(peerId, clock.monotonicMs() + afterMs)
      if (!signal.aborted && LIES.has(err.code)) holders.onLiar(peerId, err)
      log.debug({ peerId, code: err.code, why: err.message }, 'a device shares no download')
    } finally {
      client?.abort(CLOSED)
      holder?.leave()
      this.#holders.delete(peerId)
      this.#joining.delete(peerId)
      if (!signal.aborted) onGone(peerId, askedMs)
      onAnswer()
    }
  }

  #holderOf(peerId: string, client: BlocksClient, read: Read): Holder {
    const { clock, signal, incoming, onLeaf, onFailure } = this.#components
    return new Holder(peerId, client, false, {
      ...{ clock, signal, onFailure },
      pick: holder => pickLeaf(holder, [incoming], [...this.#holders.values()]),
      files: () => [incoming],
      look: ({ client }) => this.#look(peerId, client, read),
      onLeaf: (_, { leaf }, isNew) => isNew && onLeaf(peerId, incoming.bytesOf(leaf))
    })
  }

  /** Which leaves it has of those that are listed. */
  async #look(peerId: string, client: BlocksClient, read: Read): Promise<Uint8Array> {
    const { clock, sha256, incoming, lists, signal, stated, onHeard } = this.#components
    const { bytes } = incoming.file
    for (let answers = 1; ; answers++) {
      const { round, since } = read
      read.askedMs = clock.monotonicMs()
      const share = await client.coming({ sha256, bytes, ...stated(), round, since }, { signal })
      if (share === undefined) throw MISSING
      if (share.round !== read.round) {
        Object.assign(read, { round: share.round, rounds: read.rounds + 1, since: 0, lists: 0 })
        if (read.rounds > ROUNDS_MAX)
          throw new ProtocolViolationError(`A device began a file anew more than ${ROUNDS_MAX} times.`)
      }
      read.since += share.lists.length
      read.lists += share.lists.length
      if (read.lists > 2 * incoming.leaves + LISTS_SPARE)
        throw new ProtocolViolationError(`A device sent ${read.lists} lists of ${incoming.leaves} leaves.`)
      for (const envelope of share.lists) await this.#take(envelope, peerId)
      onHeard(peerId, share)
      if (share.lists.length === LISTS_PER_ANSWER && answers < ANSWERS_PER_LOOK) continue
      const bitmap = new Uint8Array(Math.ceil(incoming.leaves / 8))
      bitmap.set(share.have.subarray(0, bitmap.length))
      for (let leaf = 0; leaf < incoming.leaves; leaf++)
        if (!lists.has(leaf)) bitmap[leaf >> 3]! &= ~(1 << (leaf & 7))
      return bitmap
    }
  }

  async #take(envelope: Uint8Array, from: string): Promise<void> {
    const { sha256, incoming, lists, holders, admits } = this.#components
    const id = createHash('sha256').update(envelope).digest('base64')
    if (this.#seen.has(id)) return
    const signed = await openLeafList(envelope)
    this.#seen.add(id)
    if (signed.value.sha256 !== sha256 || signed.value.bytes !== incoming.file.bytes)
      throw new LumosError('WEIGHTS_INVALID', 'The device sent a list of another file.')
    if (holders.maySign(signed.signer) && admits(signed.signer)) lists.take(signed, from)
  }
}

const MISSING = new PeerUnreachableError('The device does not download the file.')
const CLOSED = new LumosError('CANCELLED', 'Nothing more is asked for.')
