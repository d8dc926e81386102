/** `mesh import`: the root key back onto a device, after the last admin was lost. */

import { LumosError } from '../../../interface/errors.ts'
import type { MeshInfo } from '../../../interface/mesh.ts'
import { findNode } from '../../client.ts'
import { isElsewhere, readText } from '../../input.ts'
import type { Invocation } from '../../invocation.ts'
import { askSecret, canAsk, confirm } from '../../prompt.ts'
import { wordsFor } from './show.ts'

interface ImportOptions {
  readonly yes?: boolean
}

export async function run({ args, options, output }: Invocation<ImportOptions>): Promise<void> {
  const rootKey = (await readRootKey(args[0])).trim()
  const node = findNode(options)
  await confirm('Keep the root key on this device, and make it an admin?', options.yes)
  const { data } = await node.execute<MeshInfo>('mesh.import_root', { root_key: rootKey })
  output.data(data, () => wordsFor(data, output))
}

/** Never an argument: those are in the list of processes and in the history of the shell. */
async function readRootKey(argument: string | undefined): Promise<string> {
  if (argument === undefined && canAsk()) return await askSecret('Root key: ')
  if (argument !== undefined && isElsewhere(argument)) return await readText(argument)
  throw new LumosError(
    'USAGE',
    argument === undefined ? 'The root key is missing.' : 'A root key is not taken as an argument.',
    { hint: 'Use @FILE, - for stdin, or no argument to be asked: lumos-node mesh import @FILE' }
  )
}
