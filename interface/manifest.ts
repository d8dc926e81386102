/**
 * A peer's signed list of what it can do.
 *
 * A manifest is a claim: it ranks a peer, it never grants trust. The newest one
 * wins, by `(epoch, sequence)`; it expires `ttlMs` after it was received, on the
 * receiver's monotonic clock, so that no two clocks need to agree.
 */

import * as z from 'zod'
import { CHAIN_LENGTH_MAX } from './membership.ts'
import { ModelId, WireName } from './names.ts'
import { isTaskName, type TaskName, TaskText } from './tasks/index.ts'

/** Longest life a manifest may claim: ten minutes bounds how long a silent peer is believed. */
export const MANIFEST_TTL_MS_MAX = 600_000
/** More capabilities than any real device has; bounds what a liar can make others keep. */
export const CAPABILITIES_MAX = 256

/** Addresses of one device: a few networks, each with two versions of IP. */
export const ADDRESSES_MAX = 20
const ADDRESS_CHARS_MAX = 128

/** What one feature may say in a manifest. What says more is a pull of the feature's own. */
export const MANIFEST_PART_BYTES_MAX = 4096
/** More than a node has features; a manifest as a whole is bounded too (`MANIFEST_BYTES_MAX`). */
const MANIFEST_PARTS_MAX = 32

/** More than any model takes. */
export const CONTEXT_TOKENS_MAX = 1_000_000_000
/** More than any device uses: a kilowatt for a quarter of an hour. */
export const JOULES_PER_TOKEN_MAX = 1_000_000
/** More than any device answers at once. */
export const SLOTS_MAX = 1024

/** More than a budget allows, and than any device writes in a second: bounds what a liar can say. */
export const FIRST_CHUNK_MS_MAX = 3_600_000
export const TOKENS_PER_SECOND_MIN = 0.01
export const TOKENS_PER_SECOND_MAX = 1_000_000

/** How fast a model answers on its device, as that device measured its own answers. */
export const Speed = z.object({
  /** From the begin of the work to the first chunk. */
  firstChunkMs: z.int().min(1).max(FIRST_CHUNK_MS_MAX),
  /** Of an answer after its first chunk; absent where an answer is one chunk. */
  tokensPerSecond: z.number().min(TOKENS_PER_SECOND_MIN).max(TOKENS_PER_SECOND_MAX).optional()
})
export type Speed = z.infer<typeof Speed>

/** One model, offered for one task, which may be one that only newer nodes know. */
export const Offered = z.object({
  task: TaskText,
  model: ModelId,
  /** Requests answered at once. */
  slots: z.int().min(1).max(SLOTS_MAX),
  /** Whether the model is loaded: a cold one answers its first request late. */
  warm: z.boolean(),
  /** Tokens of a prompt and its answer together; absent where the model has no such bound, or does not say. */
  contextTokens: z.int().min(1).max(CONTEXT_TOKENS_MAX).optional(),
  /** Of its files, for people: their form, such as `onnx`, and how many bytes they are. */
  format: z.string().max(32).optional(),
  fileBytes: z.int().min(0).optional(),
  /** What it is asked leaves the mesh: it is for those that name it. */
  leavesMesh: z.boolean().optional(),
  /** It goes on with an answer that another device began. */
  resumes: z.boolean().optional(),
  /** It goes on with an answer that is greedy or seeded: it writes it again, and gives the rest. */
  repeats: z.boolean().optional(),
  /** Its conversations may hold pictures; absent where they may not, or where that is not known. */
  takesImages: z.boolean().optional(),
  /** What a token of its answers took lately, where the device can measure that. */
  joulesPerToken: z.number().positive().max(JOULES_PER_TOKEN_MAX).optional(),
  /** A claim, for those who have not measured it; absent before a few answers. */
  speed: Speed.optional()
})
export type Offered = z.infer<typeof Offered>

/** What this node can ask for. */
export type Capability = Offered & { readonly task: TaskName }

export const isCapability = (offered: Offered): offered is Capability => isTaskName(offered.task)

export const Hardware = z.object({
  platform: z.string().max(32),
  arch: z.string().max(32),
  cpu: z.string().max(128),
  cores: z.int().min(1).max(4096),
  memoryBytes: z.int().min(0),
  accelerators: z.array(z.string().max(128)).max(16)
})
export type Hardware = z.infer<typeof Hardware>

/** A reader drops the keys that it does not know; the envelope, which is passed on, keeps them. */
export const Manifest = z.object({
  version: z.literal(1),
  peerId: z.string().max(128),
  /** Chosen when the home was made, and higher for a later home: a device that started over is believed. */
  epoch: z.int().min(0),
  /** Grows by each manifest; persisted before publishing. */
  sequence: z.int().min(0),
  ttlMs: z.int().min(1000).max(MANIFEST_TTL_MS_MAX),
  /** Wall time of the issuer, for people only. */
  issuedAtMs: z.int().min(0),
  /** What the signer calls itself; believed by no one. The name of a device is that of its certificate. */
  name: WireName,
  software: z.string().max(64),
  hardware: Hardware,
  /** True while the device runs on its battery, else absent. */
  onBattery: z.boolean().optional(),
  /** True while the device refuses requests of others for the sake of its user, else absent. */
  yielding: z.boolean().optional(),
  /** Multiaddrs at which the peer listens. A hint: dialing proves who is there. */
  addresses: z.array(z.string().startsWith('/').max(ADDRESS_CHARS_MAX)).max(ADDRESSES_MAX),
  capabilities: z.array(Offered).max(CAPABILITIES_MAX),
  /** What features say, by the name of each, in a form of their own. A reader passes a part on to the feature unread. */
  parts: z
    .record(z.string().max(32), z.instanceof(Uint8Array) as z.ZodType<Uint8Array>)
    .refine(parts => Object.keys(parts).length <= MANIFEST_PARTS_MAX, { error: 'too many parts' })
    .optional(),
  /** The peer's own certificate and, unless the root signed that, its issuer's: proof of membership. */
  certificates: z
    .array(z.instanceof(Uint8Array) as z.ZodType<Uint8Array>)
    .min(1)
    .max(CHAIN_LENGTH_MAX)
})
export type Manifest = z.infer<typeof Manifest>

/** A manifest whose signature was checked, with the bytes that prove it to others. */
export interface SignedManifest {
  readonly manifest: Manifest
  /** The libp2p signed envelope it came in. */
  readonly envelope: Uint8Array
  /** SHA-256 of the manifest's own bytes, hex: two contents under one number show by it. */
  readonly hash: string
}
