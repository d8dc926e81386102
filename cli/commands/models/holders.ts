/** `models where`: the devices that hold the weights of a model. */

import type { Holder } from '../../../interface/weights.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'

interface Where {
  readonly items: Holder[]
  readonly copies: number | null
}

export async function run({ args, options, output }: Invocation): Promise<void> {
  const [model] = args as [string]
  const { data } = await findNode(options).execute<Where>('model.where', { model_id: model })
  // The names that programs of this command expect, which are those of the code.
  const items = data.items.map(
    ({ peer_id: peerId, name, bytes_have: bytesHave, bytes_total: bytesTotal }) => ({
      ...{ peerId, name, bytesHave, bytesTotal }
    })
  )
  const { copies } = data
  output.data({ items, ...(copies !== null && { copies }) }, () => {
    if (items.length === 0) return `No device that can be reached holds the weights of ${model}.`
    const rows = items.map(({ peerId, name, bytesHave, bytesTotal }) => [
      ...[name, bytes(bytesHave), bytes(bytesTotal), peerId]
    ])
    const table = output.table(['DEVICE', 'HAS', 'OF', 'PEER'], rows)
    return copies === null ? table : `${table}\n\nWanted copies: ${copies}`
  })
}
