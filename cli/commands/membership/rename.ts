/** `rename`: another name for this device, on every device. */

import type { MeshInfo } from '../../../interface/mesh.ts'
import { loadConfig } from '../../../node/settings/config.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

export async function run({ args, options, output }: Invocation): Promise<void> {
  const [name] = args as [string]
  const { data } = await findNode(options).execute<MeshInfo>('mesh.rename_device', { name })
  output.data(data, () => `This device is called "${data.device_name}" now.`)

  const { config, origins } = await loadConfig({ home: options.home })
  // At a start, the holder of the root key takes the name of its settings.
  if (data.holds_root && origins.name !== 'default' && config.name !== data.device_name) {
    output.note(
      `At its next start it is "${config.name}" again: ${origins.name} says so. Change it there, too.`
    )
  }
}
