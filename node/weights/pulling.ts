/** What brings weights to this device from elsewhere: devices of the mesh, and origins. */

import { keepAliveMs } from '../../interface/amounts.ts'
import { InvalidInputError, LumosError } from '../../interface/errors.ts'
import type { AbortOptions } from '../../interface/lifecycle.ts'
import type { FoundModel, Holder, Replicated, Repository, Weights } from '../../interface/weights.ts'
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
import type { PullComponents } from './pull/parts.ts'
import { pullJob } from './pull/pull.ts'
import { replicaJob } from './replication/job.ts'
import { REPLICATION_TIMES, Replication } from './replication/replication.ts'
import type { CopySettings } from './replication/settings.ts'
import { ToServe } from './replication/to-serve.ts'
import { meant } from './transfer/search.ts'
import { WeightTransfer } from './transfer/transfer.ts'

export interface PullingComponents extends Omit<FeatureComponents, 'settings' | 'directory' | 'engines'> {
  readonly store: DiskWeightStore
  readonly origins: OriginSettings
  readonly copies: CopySettings
  readonly weights: Pick<Weights, 'import' | 'remove'>
  /** Has the engines see what came. */
  refresh(): Promise<void>
}

export class Pulling {
  readonly transfer: WeightTransfer
  readonly replication: Replication
  readonly jobs: readonly JobKind[]
  readonly #origins: OriginComponents
  readonly #offeredTo: FeatureComponents['offeredTo']
  readonly #store: DiskWeightStore
  readonly #toServe: ToServe
  #mesh: MeshContext | undefined

  constructor({ store, origins: settings, copies, weights, refresh, ...components }: PullingComponents) {
    const { clock, random, log, env, hardware, emit, offeredTo, database, begin, catalogue } = components
    const client = new HttpClient({ clock, env })
    this.#origins = { client, settings, env, memoryBytes: hardware.memoryBytes }
    this.#offeredTo = offeredTo
    this.#store = store
    const statement = () => this.replication.statement()
    this.transfer = new WeightTransfer({ store, clock, random, log, offeredTo, statement })
    const { transfer } = this
    this.replication = new Replication({
      ...{ clock, random, log, store, transfer, database, begin },
      times: { ...REPLICATION_TIMES, graceMs: keepAliveMs(copies.grace)! },
      takes: copies.take
    })
    this.#toServe = new ToServe({
      ...{ clock, log, begin, names: components.toServe },
      has: name => store.called(name) !== undefined || catalogue.found.some(({ id }) => id === name),
      isStated: name => transfer.devices.isStated(name)
    })
    const parts: PullComponents = {
      ...{ clock, random, store, client, emit, weights, refresh, offeredTo, transfer },
      originOf: ref => originOf(ref, this.#origins),
      placeOf: sha256 => store.ground.folder.fileOf(sha256),
      seal: repository => this.seal(repository),
      nameOf: from => this.#mesh?.members.lastKnown(from)?.name ?? from
    }
    this.jobs = [pullJob(parts), replicaJob(parts, this.replication)]
  }

  join(mesh: MeshContext): Participation {
    this.#mesh = mesh
    this.replication.join(mesh)
    const participation = this.transfer.join(mesh)
    return {
      ...participation,
      start: () => this.replication.start(),
      onManifest: (peerId, part) => {
        participation.onManifest?.(peerId, part)
        this.replication.heard(peerId)
        this.#toServe.look()
      },
      // It may have been removed from the mesh, with its copies.
      onGone: peerId => {
        participation.onGone?.(peerId)
        this.replication.changed()
      },
      stop: async () => {
        this.replication.stop()
        this.#toServe.stop()
        await participation.stop?.()
      }
    }
  }

  /** The store holds other repositories, or they are offered to others. */
  changed(): void {
    this.transfer.changed()
    this.replication.changed()
  }

  /** @throws {LumosError} `DENIED`, `WEIGHTS_NOT_FOUND` */
  async replicate(ref: string, copies: number, options?: AbortOptions): Promise<Replicated> {
    const { devices } = this.transfer
    const repository =
      this.#store.repository(ref) ?? meant(ref, (await devices.search(ref, options)).sightings).value
    const { name: model, cid } = repository
    // Other devices neither see nor get it.
    if (this.#offeredTo(model) !== 'everyone')
      throw new InvalidInputError(`${model} is not offered to everyone, so no device makes copies of it.`, {
        hint: `Name it on the devices that are to have it: lumos-node models pull ${model}`
      })
    this.replication.want(repository, copies)
    return { model, cid, copies }
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
