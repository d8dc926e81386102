/** `models rm`: takes a model off this device. */

import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

interface RemoveOptions {
  readonly force?: boolean
}

export async function run({ args, options, output }: Invocation<RemoveOptions>): Promise<void> {
  const [model] = args as [string]
  const asked = { model_id: model, force: options.force }
  const { data } = await findNode(options).execute<{ modelId: string; success: boolean }>(
    'model.delete',
    asked
  )
  output.data(data, () => `${data.model_id} is no longer on this device.`)
}
