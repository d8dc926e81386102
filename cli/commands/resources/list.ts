/** `resources list`: the models in a cache of Lumen, or in the store of this node. */

import { join } from 'node:path'
import type { DiskUse } from '../../../interface/weights.ts'
import { listResources } from '../../../node/weights/resources/index.ts'
import { fromTilde } from '../../../storage/home/home-path.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'

export async function run({ args, options, output }: Invocation): Promise<void> {
  const [given] = args
  const folder =
    given === undefined
      ? join((await findNode(options).execute<DiskUse>('model.du')).data.directory, 'models')
      : fromTilde(given)
  const found = await listResources(folder)
  const items = found.map(({ modelType, ...rest }) => ({ ...rest, model_type: modelType }))
  output.data({ items }, () =>
    items.length === 0
      ? `${folder} holds no models.`
      : output.table(
          ['MODEL', 'TYPE', 'RUNTIMES', 'DATASETS', 'SIZE', 'PROBLEMS'],
          items.map(({ name, model_type, runtimes, datasets, bytes: size, problems }) => [
            ...[name, model_type ?? '-', runtimes.join(', ') || '-', datasets.join(', ') || '-', bytes(size)],
            problems.join('; ') || 'none'
          ])
        )
  )
}
