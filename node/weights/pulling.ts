/** What brings weights to this device from elsewhere: devices of the mesh, and origins. */

import { LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { FoundModel, Holder, Repository, Weights } from '../../interface/weights.ts'
import { REPOSITORY_MANIFEST } from '../../protocols/weights/repository-manifest.ts'
import type { DiskWeightStore } from '../../storage/weights/weight-store.ts'
import type { FeatureComponents, MeshContext, Participation } from '../feature.ts'
import type { JobKind } from '../jobs/job-kind.ts'
import {
  HttpClient,
  type OriginComponents,
  type OriginSettings,
  originOf,
  searchHub
} from './origins/index.ts'
import { pullJob } from './pull/pull.ts'
import { WeightTransfer } from './transfer/transfer.ts'

export interface PullingComponents
  extends Pick<FeatureComponents, 'clock' | 'random' | 'log' | 'env' | 'hardware' | 'emit' | 'offeredTo'> {
  readonly store: DiskWeightStore
  readonly origins: OriginSettings
  readonly weights: Pick<Weights, 'import' | 'remove'>
  /** Has the engines see what came. */
  refresh(): Promise<void>
}

export class Pulling {
  readonly transfer: WeightTransfer
  readonly job: JobKind
  readonly #origins: OriginComponents
  #mesh: MeshContext | undefined

  constructor({ store, origins: settings, weights, refresh, ...components }: PullingComponents) {
    const { clock, random, log, env, hardware, emit, offeredTo } = components
    const client = new HttpClient({ clock, env })
    this.#origins = { client, settings, env, memoryBytes: hardware.memoryBytes }
    this.transfer = new WeightTransfer({ store, clock, random, log, offeredTo })
    this.job = pullJob({
      ...{ clock, random, store, client, emit, weights, refresh, offeredTo },
      transfer: this.transfer,
      originOf: ref => originOf(ref, this.#origins),
      placeOf: sha256 => store.ground.folder.fileOf(sha256),
      seal: repository => this.seal(repository),
      nameOf: from => this.#mesh?.members.lastKnown(from)?.name ?? from
    })
  }

  join(mesh: MeshContext): Participation {
    this.#mesh = mesh
    return this.transfer.join(mesh)
  }

  /** Signed by this device. */
  async seal(repository: Repository): Promise<Uint8Array> {
    if (this.#mesh === undefined) throw new LumosError('NODE_NOT_RUNNING', 'This node has not started.')
    return await this.#mesh.seal(REPOSITORY_MANIFEST, repository)
  }

  async where(ref: string, options?: AbortOptions): Promise<Holder[]> {
    return await this.transfer.holders(ref, options)
  }

  async search(words: string, options: AbortOptions & { limit?: number }): Promise<FoundModel[]> {
    return await searchHub(words, this.#origins, options)
  }

  async close(): Promise<void> {
    await this.#origins.client.close()
  }
}
