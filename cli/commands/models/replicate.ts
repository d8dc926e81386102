/** `models replicate`: how many devices of the mesh hold the weights of a model. */

import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

interface Replicated {
  readonly modelId: string
  readonly cid: string
  readonly copies: number
}

export async function run({ args, options, output }: Invocation): Promise<void> {
  const { copies } = options as { copies?: number }
  const { data } = await findNode(options).execute<Replicated>('model.replicate', {
    model_id: args[0],
    copies
  })
  output.data(data, () =>
    data.copies === 0
      ? `No number of copies of ${data.model_id} is wanted any more. Those that are there stay.`
      : `${data.copies} devices are to hold ${data.model_id}. Follow them with: lumos-node models where ${data.model_id}`
  )
}
