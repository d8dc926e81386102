/** `models where`: the devices that hold the weights of a model. */

import type { Holder } from '../../../interface/weights.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'

export async function run({ args, options, output }: Invocation): Promise<void> {
  const [model] = args as [string]
  const { data } = await findNode(options).execute<{ items: Holder[] }>('model.where', { model_id: model })
  // The names that programs of this command expect, which are those of the code.
  const items = data.items.map(
    ({ peer_id: peerId, name, bytes_have: bytesHave, bytes_total: bytesTotal }) => ({
      ...{ peerId, name, bytesHave, bytesTotal }
    })
  )
  output.data({ items }, () =>
    items.length === 0
      ? `No device that can be reached holds the weights of ${model}.`
      : output.table(
          ['DEVICE', 'HAS', 'OF', 'PEER'],
          items.map(({ peerId, name, bytesHave, bytesTotal }) => [
            ...[name, bytes(bytesHave), bytes(bytesTotal), peerId]
          ])
        )
  )
}
