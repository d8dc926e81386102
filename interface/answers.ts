/**
 * Answers that are kept: each has an id, and its chunks can be read again, by their index, until it expires.
 *
 * The id is a secret that opens the answer. What peers and logs see is the id of the request, which is made of it and
 * leads nowhere.
 */

import { hash, randomFillSync } from 'node:crypto'
import * as z from 'zod'
import { type InferenceChunk, QueuePlace } from './chunks.ts'
import type { AbortOptions } from './lifecycle.ts'
import type { ReceiptGiven, ReceiptVerdict } from './receipts.ts'
import type { RoutingPolicy } from './routing.ts'
import type { TaskName } from './tasks/index.ts'

const ID_BYTES = 16
/** Of the PeerId of the device that asked: as good as 70 random bits, so that no other device takes its place. */
const TAG_CHARS = 12
const ID = /^([0-9a-f]{32})-([1-9A-HJ-NP-Za-km-z]{12})(\.\d{1,3})?$/

/** 128 random bits in hex, the end of the PeerId of the device that asks, and `.N` for a further choice. */
export const AnswerId = z
  .string()
  .max(64)
  .regex(ID, { error: 'expected the id of an answer, as x-lumos-answer has it' })

/** As {@link requestIdOf} makes it. It opens an answer to the device that asked for it, and to no other. */
export const RequestId = z.string().regex(/^[0-9a-f]{32}(\.\d{1,3})?$/)

/** Where no device can be asked for the answer. */
const NO_DEVICE = '1'.repeat(TAG_CHARS)

/** Random bytes of the next ids: asking the system for 16 takes as long as for 4 KiB. */
const pool = Buffer.alloc(256 * ID_BYTES)
let poolAt = pool.length

function newSecret(): string {
  if (poolAt === pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  const secret = pool.toString('hex', poolAt, poolAt + ID_BYTES)
  poolAt += ID_BYTES
  return secret
}

export const newAnswerId = (peerId = NO_DEVICE): string => `${newSecret()}-${tagOf(peerId)}`

export const tagOf = (peerId: string): string => peerId.slice(-TAG_CHARS)

/** @param id as {@link AnswerId} has it. */
export function answerParts(id: string): { secret: string; tag: string; choice: string } {
  const [, secret = '', tag = '', choice = ''] = ID.exec(id) ?? []
  return { secret, tag, choice }
}

/** The id of the request that is answered: it does not give the answer's id away. */
export function requestIdOf(id: string): string {
  const { secret, choice } = answerParts(id)
  return hash('sha256', `lumos/answer/1 ${secret}`).slice(0, 32) + choice
}

/**
 * `running`: more may come. `done`: whole. `failed`: it ended without its end, as `error` says. `cancelled`: it was not
 * wanted any more. `interrupted`: this node ended in the middle of it, and no device has the rest.
 */
export const AnswerState = z.enum(['running', 'done', 'failed', 'cancelled', 'interrupted'])
export type AnswerState = z.infer<typeof AnswerState>

export const AnswerInfo = z.strictObject({
  id: AnswerId,
  state: AnswerState,
  /** Chunks that are kept, the last one included. */
  chunks: z.int(),
  /** Null until a device has begun to answer. */
  task: z.string().nullable(),
  model: z.string().nullable(),
  peerId: z.string().nullable(),
  /** Whether it goes on when no client reads it. */
  durable: z.boolean(),
  createdAtMs: z.int(),
  /** While the request waits for its turn: where. */
  queue: QueuePlace.optional(),
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable()
})
export type AnswerInfo = z.infer<typeof AnswerInfo>

/** How an answer is kept. */
export interface AnswerOptions extends AbortOptions {
  /** It goes on when no client reads it; else it is cancelled when the last one leaves. */
  readonly durable?: boolean
  /** Kept beside it, for the program that asked. Strings, numbers, bytes, lists and records of them. */
  readonly note?: unknown
  /** Kept beside it, so that it can go on where the devices that answered are gone. Absent: it ends where it is cut. */
  readonly question?: AnswerQuestion
}

/** What was asked, and how. */
export interface AnswerQuestion {
  readonly task?: TaskName | undefined
  readonly model?: string | undefined
  readonly input: unknown
  readonly params?: Readonly<Record<string, unknown>> | undefined
  readonly budgetMs?: number | undefined
  readonly peer?: string | undefined
  readonly policy?: RoutingPolicy | undefined
  readonly receipt?: boolean | undefined
}

/** Which device answers, and with what. */
export interface AnswerRoute {
  readonly peerId: string
  readonly task: TaskName
  readonly model: string
}

/** Asks. Leaving its loop or aborting the signal cancels the work. */
export type AnswerSource = (options: {
  readonly signal: AbortSignal
  onRoute(route: AnswerRoute): void
}) => AsyncIterable<InferenceChunk>

export interface ReadAnswerOptions extends AbortOptions {
  /** Index of the first chunk. */
  readonly from?: number
  /** Whether to wait for what is still to come. */
  readonly follow?: boolean
  /** PeerId or name of a device that keeps it: the one that asked, where none is named, or the one that answered. */
  readonly peer?: string | undefined
}

export interface Answers {
  /** Whether this device keeps answers at all. */
  readonly isOn: boolean
  /** Asks, keeps what comes, and gives it as it comes. */
  keep(id: string, source: AnswerSource, options?: AnswerOptions): AsyncIterable<InferenceChunk>
  /** Those that this device has asked for, the newest first. */
  list(): Promise<AnswerInfo[]>
  /** @throws {LumosError} `ANSWER_UNKNOWN`; `PEER_UNREACHABLE` where the device that asked for it cannot be reached. */
  show(
    id: string,
    options?: Pick<ReadAnswerOptions, 'peer' | 'signal'>
  ): Promise<{ readonly info: AnswerInfo; readonly note: unknown }>
  /**
   * Each chunk once, and then how the answer ended: by its last chunk, or by an error.
   *
   * One that was cut goes on where a device has the rest, or can make it of what is kept. A reader that follows has an
   * answer tried again that ended with `STREAM_INTERRUPTED`.
   *
   * @throws {LumosError} as `show` does; `STREAM_INTERRUPTED` with `details.received` where the rest is lost.
   */
  read(id: string, options?: ReadAnswerOptions): AsyncIterable<InferenceChunk>
  /** Ends an answer that this device asks for. One that has ended stays as it is. @throws {LumosError} `ANSWER_UNKNOWN` */
  cancel(id: string): Promise<AnswerInfo>
  /** Whether these receipts were made by members of this mesh, for this request and answer. Asks no other device. */
  verify(receipts: readonly string[], given?: ReceiptGiven): Promise<ReceiptVerdict>
  /** Cancels it, and deletes what is kept of it. @throws {LumosError} `ANSWER_UNKNOWN` */
  forget(id: string): Promise<void>
}
