/** What a model asks of devices, from what its files are and what this node measured. */

import * as z from 'zod'
import type { LumosNode, ModelInfo } from '../interface/node.ts'
import { notFound } from './missing-model.ts'

/** What its owner cares for most. */
export const HINTS = ['latency', 'throughput', 'availability'] as const
type Hint = (typeof HINTS)[number]

const GB = 1e9
/** The largest need of each class, in bytes of memory; what needs more is `large`. */
const CLASSES = { small: GB, medium: 8 * GB } as const
/** Weights are most of what a loaded model takes. */
const MEMORY_OF_FILES = 1.3
/** One more than may be off at a time. */
const COPIES_THAT_LAST = 2
/** More devices than that are rarely busy at once in one home. */
const COPIES_MAX = 4

export const Recommended = z.strictObject({
  /** `unknown` where no device of the mesh says how large its files are. */
  resourceClass: z.enum(['small', 'medium', 'large', 'unknown']),
  memoryBytes: z.int().nullable(),
  /** Devices that should have it, of those that there are. */
  replicas: z.int(),
  /** Tokens a second of the devices that have it, as this node measured; null where it made no requests. */
  expectedThroughput: z.number().nullable()
})
export type Recommended = z.infer<typeof Recommended>

/** @throws {LumosError} `MODEL_NOT_FOUND` */
export function recommend(node: LumosNode, modelId: string, hint: Hint | undefined): Recommended {
  const all = node.models()
  const [info] = all.filter(({ model }) => model === modelId)
  if (info === undefined) throw notFound(modelId, all)
  const memoryBytes = memoryOf(info)
  const devices = 1 + node.peers().length
  const wanted = { latency: 1, throughput: COPIES_MAX, availability: COPIES_THAT_LAST }[
    hint ?? 'availability'
  ]
  const speeds = info.providers.flatMap(({ tokensPerSecond }) => tokensPerSecond ?? [])
  return {
    resourceClass: classOf(memoryBytes),
    memoryBytes,
    replicas: Math.min(wanted, devices),
    expectedThroughput: speeds.length === 0 ? null : speeds.reduce((sum, speed) => sum + speed, 0)
  }
}

/** A model that is loaded beside others, with a longer context, takes more than when it was measured. */
const COMFORT = 1.25

export const Estimate = z.strictObject({
  modelId: z.string(),
  /** Bytes; null where no device of the mesh says how large its files are. */
  memoryMin: z.int().nullable(),
  memoryRecommended: z.int().nullable(),
  /** Null where none is needed: engines of this node answer on the processor, and take an accelerator where there is one. */
  gpuType: z.string().nullable()
})

/** @throws {LumosError} `MODEL_NOT_FOUND` */
export function estimate(node: Pick<LumosNode, 'models'>, modelId: string): z.infer<typeof Estimate> {
  const all = node.models()
  const info = all.find(({ model }) => model === modelId)
  if (info === undefined) throw notFound(modelId, all)
  const memoryMin = memoryOf(info)
  const memoryRecommended = memoryMin === null ? null : Math.ceil(memoryMin * COMFORT)
  return { modelId, memoryMin, memoryRecommended, gpuType: null }
}

function memoryOf({ providers, sizeBytes }: ModelInfo): number | null {
  const measured = providers.find(({ memoryBytes }) => (memoryBytes ?? 0) > 0)?.memoryBytes ?? null
  const bytes = measured ?? (sizeBytes === null ? null : sizeBytes * MEMORY_OF_FILES)
  return bytes === null ? null : Math.ceil(bytes)
}

function classOf(memoryBytes: number | null): Recommended['resourceClass'] {
  if (memoryBytes === null) return 'unknown'
  if (memoryBytes <= CLASSES.small) return 'small'
  return memoryBytes <= CLASSES.medium ? 'medium' : 'large'
}
