/** `mesh export`: the root key, printed or into a file. */

import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'
import { writePrivateFile } from '../../output-file.ts'
import { confirm } from '../../prompt.ts'

interface ExportOptions {
  readonly file?: string
  readonly remove?: boolean
  readonly yes?: boolean
}

export async function run({ options, output }: Invocation<ExportOptions>): Promise<void> {
  const { remove = false, yes } = options
  const node = findNode(options)
  if (remove) await confirm('Take the root key off this device? Lost, it cannot be made again.', yes)

  const { root_key: rootKey } = (await node.execute<{ rootKey: string }>('mesh.export_root')).data
  const file = options.file && writePrivateFile(options.file, `${rootKey}\n`)
  output.data(file === undefined ? { root_key: rootKey } : { file }, () =>
    file === undefined ? rootKey : `Written to ${file}.`
  )
  // Not before it is somewhere else.
  if (remove) await node.execute('mesh.export_root', { remove: true })
  output.note('The holder of this key owns the mesh. Keep it where no other person comes.')
}
