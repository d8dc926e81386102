/** `models pin|unpin`: whether the weights of a model may be removed to make room. */

import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

interface Pinned {
  readonly modelId: string
  readonly pinned: boolean
}

export async function pin({ args, options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<Pinned>('model.pin', { model_id: args[0] })
  output.data(data, () => `${data.model_id} stays, whatever else needs the room.`)
}

export async function unpin({ args, options, output }: Invocation): Promise<void> {
  const { data } = await findNode(options).execute<Pinned>('model.unpin', { model_id: args[0] })
  output.data(data, () => `${data.model_id} is kept like any other model.`)
}
