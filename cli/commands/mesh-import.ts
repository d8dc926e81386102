/** `mesh import`: the root key back onto a device, after the last admin was lost. */

import type { MeshInfo } from '../../interface/mesh.ts'
import { findNode } from '../client.ts'
import { readText } from '../input.ts'
import type { Invocation } from '../program.ts'
import { confirm } from '../prompt.ts'
import { wordsFor } from './mesh-show.ts'

interface ImportOptions {
  readonly yes?: boolean
}

export async function run({ args, options, output }: Invocation<ImportOptions>): Promise<void> {
  const [argument] = args as [string]
  const rootKey = (await readText(argument)).trim()
  const node = findNode(options)
  await confirm('Keep the root key on this device, and make it an admin?', options.yes)
  const { data } = await node.execute<MeshInfo>('mesh.import_root', { rootKey })
  output.data(data, () => wordsFor(data, output))
}
