/** `models load|unload`: bring a model of this device into memory, or free what it takes. */

import type { LoadedModel } from '../../../units/model.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { bytes } from '../../quantities.ts'

export async function load({ args, options, output }: Invocation): Promise<void> {
  const [model] = args as [string]
  const { data } = await findNode(options).execute<LoadedModel>('model.load', { model_id: model })
  output.data(data, () => `${model} is loaded and takes ${bytes(data.memory_bytes)}.`)
}

export async function unload({ args, options, output }: Invocation): Promise<void> {
  const [model] = args as [string]
  const { data } = await findNode(options).execute<LoadedModel>('model.unload', { model_id: model })
  output.data(data, () =>
    data.status === 'ready' || data.status === 'loading'
      ? `${model} is in use, or takes no memory here. It is unloaded when its requests have ended.`
      : `${model} is unloaded. The next request loads it again.`
  )
}
