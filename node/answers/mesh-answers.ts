/** Kept answers in one mesh: those of this device, and the protocol by which members read each other's. */

import { hkdfSync } from 'node:crypto'
import { answerParts, type ReadAnswerOptions, requestIdOf, tagOf } from '../../interface/answers.ts'
import type { InferenceChunk } from '../../interface/chunks.ts'
import { LumosError, PeerUnreachableError } from '../../interface/errors.ts'
import type { Role } from '../../interface/membership.ts'
import type { ReceiptGiven, ReceiptVerdict } from '../../interface/receipts.ts'
import {
  ANSWERS_PROTOCOL,
  ANSWERS_STREAMS_INBOUND_MAX,
  AnswersHandler,
  type Ask,
  forgetting,
  RemoteAnswer
} from '../../protocols/answers/index.ts'
import type { MeshContext, Participation } from '../feature.ts'
import type { AcceptedPeer } from '../membership/index.ts'
import { Deadline } from '../network/deadline.ts'
import { verifyReceipts } from '../receipts/index.ts'
import { AnswerStore } from './answer-store.ts'
import { Forgetting } from './forgetting.ts'
import { type OpenedAnswer, unknown } from './opened.ts'
import { OwnAnswers } from './own-answers.ts'
import type { RetentionLimits } from './retention.ts'
import { GRACE_MS, ServedAnswers } from './served-answers.ts'

const OPEN_TIMEOUT_MS = 10_000
const KEY_BYTES = 32

export interface MeshAnswersComponents {
  readonly mesh: MeshContext
  /** Of the feature, in the home. */
  readonly directory: string
  readonly limits: RetentionLimits
}

export class MeshAnswers implements Participation {
  readonly own: OwnAnswers
  readonly served: ServedAnswers
  readonly #mesh: MeshContext
  readonly #store: AnswerStore
  readonly #handler: AnswersHandler
  readonly #forgetting: Forgetting
  /** Files of answers that may have been cut when the node ended. */
  #cut: readonly string[] = []

  constructor({ mesh, directory, limits }: MeshAnswersComponents) {
    const { clock, log, privateKey } = mesh
    // The private half: an Ed25519 key of libp2p has the public one behind it.
    const seed = privateKey.raw.slice(0, 32)
    const key = new Uint8Array(hkdfSync('sha256', seed, '', 'lumos/answers/home/1', KEY_BYTES))
    const store = new AnswerStore({ directory, key, clock, log, limits })
    const isOn = limits.keptMs > 0
    this.#mesh = mesh
    this.#store = store
    this.served = new ServedAnswers({ mesh, store, isOn })
    this.#forgetting = new Forgetting({
      ...{ mesh, keptMs: limits.keptMs },
      ask: async (requestId, peerId, signal) =>
        (await this.#ask(forgetting(requestId), peerId, signal)).close()
    })
    this.own = new OwnAnswers({
      ...{ mesh, store, isOn },
      forget: (id, peers) => this.#forgetting.tell(id, peers),
      rest: (requestId, peerId, from, signal) => this.#open(requestId, peerId, { from, follow: true, signal })
    })
    this.#handler = new AnswersHandler({
      ...{ clock, log },
      open: async (reader, { id, from, follow, forget }, signal) => {
        if (forget === true) return await this.#forgotten(id, reader)
        const options = { from, follow, signal }
        const isOwn = answerParts(id).tag === tagOf(mesh.peerId)
        const opened = await (isOwn
          ? this.own.open(id, options)
          : this.served.open(id, { ...options, reader }))
        return { ...opened, chunks: opened.chunks() }
      }
    })
  }

  get protocols() {
    return [
      {
        ids: ANSWERS_PROTOCOL,
        // The id of an answer is not enough: guests and edge devices ask, and read what they ask for.
        openers: ['admin', 'member'] as const,
        inboundMax: ANSWERS_STREAMS_INBOUND_MAX,
        handle: this.#handler.onStream
      }
    ]
  }

  async start(): Promise<void> {
    // A node whose answers cannot be read does everything else.
    await this.#store.open().catch(err => this.#mesh.log.warn({ err }, 'kept answers cannot be read'))
    this.#cut = this.#store.recent('a', GRACE_MS * 2)
  }

  async stop(): Promise<void> {
    this.#handler.close()
    await this.own.close()
    await this.#store.close()
  }

  readonly onMember = ({ connection }: AcceptedPeer): void => {
    const peerId = connection.remotePeer.toString()
    this.served.onMember(peerId)
    void this.#forgetting.onMember(peerId)
    if (this.#cut.length === 0) return
    void this.own
      .onPeer(peerId, this.#cut)
      .catch(err => this.#mesh.log.warn({ err, peerId }, 'answers that were cut cannot be gone on with'))
  }

  verify(receipts: readonly string[], given: ReceiptGiven): Promise<ReceiptVerdict> {
    const { meshId: mesh, members, clock } = this.#mesh
    const isRevoked = (peerId: string, role: Role) => members.isRevoked(peerId, role)
    return verifyReceipts(receipts, given, { mesh, wallMs: clock.wallMs(), isRevoked })
  }

  /** Where it is kept: here, at the device that asked for it, or at the one that is named. */
  async open(id: string, options: ReadAnswerOptions): Promise<OpenedAnswer> {
    const { tag } = answerParts(id)
    const { peerId: here, members } = this.#mesh
    const { peer, from = 0, follow = true, signal } = options
    if (peer === undefined && tag === tagOf(here)) return await this.own.open(id, options)
    const found = members
      .list()
      .find(({ peerId, name }) =>
        peer === undefined ? tagOf(peerId) === tag : peerId === peer || name === peer
      )
    if (found === undefined) throw unknown('The device that asked for it is no member of this mesh.')
    if (found.peerId === here) return await this.served.open(id, { ...options, reader: here })
    const asked = tag === tagOf(here) ? requestIdOf(id) : id
    const remote = await this.#open(asked, found.peerId, { from, follow, signal })
    const { info, note } = remote
    return { info: { ...info, id }, note, chunks: () => remote.chunks({ signal }) }
  }

  /** What was there of it. */
  async #forgotten(requestId: string, reader: string) {
    const { info } = await this.served.open(requestId, { follow: false, reader })
    await this.served.forget(requestId, reader)
    return { info, note: null, chunks: (async function* (): AsyncGenerator<InferenceChunk> {})() }
  }

  #open(
    id: string,
    peerId: string,
    { from, follow, signal }: { from: number; follow: boolean; signal?: AbortSignal | undefined }
  ): Promise<RemoteAnswer> {
    return this.#ask({ id, from, follow }, peerId, signal)
  }

  async #ask(ask: Ask, peerId: string, signal: AbortSignal | undefined): Promise<RemoteAnswer> {
    const { clock, open } = this.#mesh
    using deadline = new Deadline(clock, OPEN_TIMEOUT_MS, signal)
    const stream = await open(peerId, ANSWERS_PROTOCOL, deadline).catch((cause: unknown) => {
      if (cause instanceof LumosError) throw cause
      throw new PeerUnreachableError('The device that keeps the answer cannot be reached.', { cause })
    })
    return await RemoteAnswer.open(stream, ask, { clock, signal: deadline.signal })
  }
}
