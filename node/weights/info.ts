/** The repositories of a store, as its owner sees them. */

import { LumosError } from '../../interface/errors.ts'
import { closestNames } from '../../interface/suggest.ts'
import type { WeightsInfo } from '../../interface/weights.ts'
import { directoryOf } from '../../storage/weights/model-directory.ts'
import type { MemberRow, RepositoryRow } from '../../storage/weights/repository-table.ts'
import type { DiskWeightStore } from '../../storage/weights/weight-store.ts'

type Store = Pick<DiskWeightStore, 'ground'>

/** @throws {LumosError} `WEIGHTS_NOT_FOUND` */
export function rowOf({ ground: { repositories } }: Store, ref: string): RepositoryRow {
  const row = repositories.find(ref)
  if (row !== undefined) return row
  const closest = closestNames(
    ref,
    repositories.all().map(({ name }) => name)
  )
  throw new LumosError('WEIGHTS_NOT_FOUND', `This device has no weights of "${ref.slice(0, 256)}".`, {
    hint: closest.length > 0 ? `Closest: ${closest.join(', ')}.` : 'See what there is: lumos-node models list'
  })
}

/** @param copies that the mesh wants of it. */
export function infoOf(
  { ground }: Store,
  row: RepositoryRow,
  members: readonly MemberRow[],
  copies: number | null
): WeightsInfo {
  const { name: model, cid, bytes, pinned } = row
  const has = (wanted: string): boolean => members.some(({ state }) => state === wanted)
  return {
    ...{ model, cid, bytes, files: members.length, pinned: pinned === 1, copies },
    state: has('bad') ? 'damaged' : has('suspect') ? 'checking' : 'whole',
    directory: directoryOf(ground.folder, model)
  }
}
