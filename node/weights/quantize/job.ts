/** The job `model.quantize`. Its code is loaded with the first model that becomes smaller. */

import * as z from 'zod'
import { ModelId } from '../../../interface/names.ts'
import { type Repository, RepositoryName } from '../../../interface/weights.ts'
import type { DiskWeightStore } from '../../../storage/weights/weight-store.ts'
import type { FeatureComponents } from '../../feature.ts'
import { defineJobKind } from '../../jobs/job-kind.ts'
import { importListing } from '../import-path.ts'
import { AbsolutePath, progressOf } from '../jobs.ts'

export interface QuantizeJobComponents extends Pick<FeatureComponents, 'catalogue' | 'registry' | 'clock'> {
  readonly store: DiskWeightStore
  /** Signed by this device. */
  seal(repository: Repository): Promise<Uint8Array>
  /** Has the engines see what came. */
  refresh(): Promise<void>
}

export const quantizeJob = ({ store, seal, refresh, ...components }: QuantizeJobComponents) =>
  defineJobKind({
    name: 'model.quantize',
    input: z.strictObject({ model: ModelId, name: RepositoryName, data: AbsolutePath.optional() }),
    // It has a process of its own, which takes the memory of a model.
    runningMax: 1,
    summary: ({ model, name }) => `${model} as ${name}`,
    key: ({ name }) => name,
    async run(wanted, context) {
      const { quantizeModel } = await import('./quantize.ts')
      const { folder } = store.ground
      folder.ready()
      const { catalogue, registry, clock } = components
      return await quantizeModel(
        {
          ...{ catalogue, registry, clock, drafts: folder.partial },
          checkRoom: bytes => store.partials.room.check(bytes, []),
          async add(listing, options) {
            const imported = await importListing({ store, seal }, listing, options)
            await refresh()
            return imported
          }
        },
        wanted,
        { id: context.id, ...progressOf(context, clock) }
      )
    }
  })
