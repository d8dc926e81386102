/** What a pull works with, and what it keeps of itself over a restart. */

import * as z from 'zod'
import type { Clock, Random } from '../../../interface/clock.ts'
import type { Pulled, Repository, WeightSource, Weights } from '../../../interface/weights.ts'
import type { StoredRepository, WeightStore } from '../../../storage/weights/types.ts'
import type { FeatureComponents } from '../../feature.ts'
import type { JobContext } from '../../jobs/job-kind.ts'
import type { HttpClient, Origin, OriginRef, RepositoryParts } from '../origins/index.ts'
import type { WeightTransfer } from '../transfer/transfer.ts'
import type { PullProgress } from './progress.ts'

/** Files of an origin without a SHA-256 of their own are small and few. */
export const KEPT_MAX = 1000

export const PullCheckpoint = z.strictObject({
  /** The commit or digest that the first listing was of; null for what the mesh has. */
  revision: z.string().nullable(),
  /** SHA-256 of files that are in the store, by path, where their origin states none. */
  kept: z.record(z.string(), z.string()).refine(kept => Object.keys(kept).length <= KEPT_MAX),
  /** Rises as bytes come. */
  step: z.int()
})
export type PullCheckpoint = z.infer<typeof PullCheckpoint>

export interface PullComponents {
  readonly clock: Clock
  readonly random: Random
  readonly store: WeightStore
  readonly client: HttpClient
  readonly transfer: Pick<WeightTransfer, 'fetch' | 'fetchFile' | 'changed' | 'sharing'>
  readonly emit: FeatureComponents['emit']
  readonly weights: Pick<Weights, 'import' | 'remove'>
  readonly offeredTo: FeatureComponents['offeredTo']
  /** Of a file of the store, on disk. */
  placeOf(sha256: string): string
  originOf(ref: OriginRef): Origin
  /** Signed by this device. */
  seal(repository: Repository): Promise<Uint8Array>
  /** Has the engines see what came. */
  refresh(): Promise<void>
  /** The name of a device, or the source itself. */
  nameOf(from: string): string
}

/** One run of a pull. */
export interface Pull extends PullComponents {
  readonly name: string | undefined
  readonly all: boolean
  readonly parts: RepositoryParts | undefined
  readonly context: JobContext<PullCheckpoint>
  progressOf(modelId: string): PullProgress
}

export const toPulled = (
  { name, cid, bytes }: StoredRepository,
  sources: readonly WeightSource[]
): Pulled => ({
  ...{ model: name, cid, bytes },
  sources: [...sources]
})
