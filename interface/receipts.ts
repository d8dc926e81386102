/**
 * Receipts: what a device signs of an answer that it gave, so that another device can check later who answered what, with
 * which weights. A receipt proves that its device says so. It does not prove that the device computed the answer.
 */

import * as z from 'zod'
import type { InferenceChunk } from './chunks.ts'
import { CHAIN_LENGTH_MAX, PeerIdText } from './membership.ts'
import { ModelId } from './names.ts'
import { TaskText } from './tasks/index.ts'

/** In base64, with two certificates of 2 KiB and small parameters. */
export const RECEIPT_CHARS_MAX = 16 * 1024
/** As often as an answer may go on elsewhere, and its beginning. */
const RECEIPTS_MAX = 33

const PARAM_CHARS_MAX = 128
const PARAMS_MAX = 32

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const Count = z.int().min(0)
/** Text, by its bytes in UTF-8. */
const Words = z.object({ bytes: Count, sha256: Sha256 })

/** A signed receipt, in base64. */
const ReceiptText = z
  .string()
  .max(RECEIPT_CHARS_MAX)
  .regex(/^[A-Za-z0-9+/]+={0,2}$/, { error: 'expected a receipt in base64' })

export const ReceiptTexts = z.array(ReceiptText).min(1).max(RECEIPTS_MAX)

/** What is signed. A reader drops the keys that it does not know. */
export const Receipt = z.object({
  version: z.literal(1),
  /** Id of the mesh. */
  mesh: PeerIdText,
  /** The device's certificate and, unless the root signed that, its issuer's. */
  certificates: z
    .array(z.instanceof(Uint8Array) as z.ZodType<Uint8Array>)
    .min(1)
    .max(CHAIN_LENGTH_MAX),
  requestId: z.string().min(1).max(128),
  task: TaskText,
  model: ModelId,
  /** CID of the weights, where the device has them by content, and what opened them. */
  weights: z.string().max(128).optional(),
  engine: z.string().max(64).optional(),
  /** Parameters that are a number, a word or a yes or no; `request` covers all of them. */
  params: z
    .record(z.string().max(64), z.union([z.number(), z.boolean(), z.string().max(PARAM_CHARS_MAX)]))
    .refine(params => Object.keys(params).length <= PARAMS_MAX, { error: 'too many parameters' }),
  /** SHA-256 of the task, the model, the input and the parameters. */
  request: Sha256,
  /** Pieces that other devices gave before, and the text of these, as the device was told. */
  from: Count,
  said: Words.optional(),
  /** Pieces of this device, and SHA-256 of them. */
  pieces: Count,
  sha256: Sha256,
  /** Of the text in them. */
  text: Words,
  finishReason: z.string().max(64),
  /** On the clock of the device. */
  atMs: z.int().min(0)
})
export type Receipt = z.infer<typeof Receipt>

/** A parameter as a receipt has it; undefined where the digest of the request covers it alone. */
export const receiptParam = (value: unknown): number | boolean | string | undefined =>
  typeof value === 'boolean' ||
  (typeof value === 'number' && Number.isFinite(value)) ||
  (typeof value === 'string' && value.length <= PARAM_CHARS_MAX)
    ? value
    : undefined

/**
 * Why a receipt does not count. `receipt`: it is malformed, or not whole. `signature`: forged, or signed by another
 * device than its certificate names. `mesh`: of another mesh. `membership`: its device was no member then. `revoked`: its
 * device was removed. `request`, `answer`: these are not what it was made for. `missing`: parts of the answer have none.
 */
export const ReceiptProblem = z.strictObject({
  reason: z.enum(['receipt', 'signature', 'mesh', 'membership', 'revoked', 'request', 'answer', 'missing']),
  /** Which receipt, from 0 on; null where it is about all of them. */
  receipt: z.int().nullable(),
  message: z.string()
})
export type ReceiptProblem = z.infer<typeof ReceiptProblem>

/** A request as people write it: what it leaves open the receipt says. */
export interface AskedRequest {
  readonly task?: string | undefined
  readonly model?: string | undefined
  readonly input: unknown
  readonly params?: Readonly<Record<string, unknown>> | undefined
}

/** What a person or a program has of the request and of the answer: the receipts are held to it. */
export interface ReceiptGiven {
  readonly request?: AskedRequest | undefined
  /** The text of the answer, or all its pieces. */
  readonly answer?: string | readonly InferenceChunk[] | undefined
}

/** One receipt as it reads, whether or not it counts. */
export const ReceiptInfo = z.strictObject({
  peerId: z.string(),
  name: z.string().nullable(),
  requestId: z.string(),
  task: z.string(),
  model: z.string(),
  weights: z.string().nullable(),
  engine: z.string().nullable(),
  params: z.record(z.string(), z.union([z.number(), z.boolean(), z.string()])),
  from: z.int(),
  pieces: z.int(),
  finishReason: z.string(),
  atMs: z.int()
})
export type ReceiptInfo = z.infer<typeof ReceiptInfo>

export const ReceiptVerdict = z.strictObject({
  /** All counts, and what was given beside the receipts is what they were made for. */
  ok: z.boolean(),
  /** What was held to the receipts. */
  checked: z.strictObject({ request: z.boolean(), answer: z.boolean() }),
  receipts: z.array(ReceiptInfo),
  problems: z.array(ReceiptProblem)
})
export type ReceiptVerdict = z.infer<typeof ReceiptVerdict>
