/** `models gc|du`: what weights take on the disk, and giving back what no model refers to. */

import type { Collected, DiskUse } from '../../../interface/weights.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'

const GC = 'lumos-node models gc'

interface CollectOptions {
  readonly dryRun?: boolean
  readonly unfinished?: boolean
}

export async function collect({ options, output }: Invocation<CollectOptions>): Promise<void> {
  const { dryRun = false, unfinished } = options
  const asked = { dry_run: dryRun, unfinished }
  const { data } = await findNode(options).execute<Collected>('model.gc', asked)
  const goes = dryRun ? 'would go' : 'are gone'
  output.data(data, () =>
    data.files + data.nodes === 0
      ? 'There is nothing to remove.'
      : `${data.files} files and ${data.nodes} blocks ${goes}: ${bytes(data.bytes)}.`
  )
}

export async function use({ options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<DiskUse>('model.du')
  output.data(data, () => {
    const { directory, models, bytes: all, partial_bytes, unused_bytes, max_bytes, free_bytes } = data
    const rows = models.map(({ model, bytes: size, shared_bytes }) => [
      model,
      bytes(size),
      bytes(shared_bytes)
    ])
    const facts = [
      `${bytes(all)} in ${directory}`,
      ...(partial_bytes > 0
        ? [`${bytes(partial_bytes)} of files that are still to come, or were given up: ${GC} --unfinished`]
        : []),
      ...(unused_bytes > 0
        ? [`${bytes(unused_bytes)} that no model has: ${GC}, with --unfinished also what came this week`]
        : []),
      ...(max_bytes === null ? [] : [`${bytes(max_bytes)} at most, by weights.diskMax`]),
      `${bytes(free_bytes)} free on the disk`
    ]
    const table = rows.length > 0 ? `${output.table(['MODEL', 'SIZE', 'SHARED'], rows)}\n\n` : ''
    return table + facts.join('\n')
  })
}
