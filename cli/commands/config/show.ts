/** `config show`: the settings that apply, and where each comes from. */

import { stringify } from 'yaml'
import { LumosError } from '../../../interface/errors.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { NodeStatus } from '../../../interface/status.ts'
import { describeConfig, loadConfig } from '../../../node/settings/config.ts'
import { withMembership } from '../../../node/settings/settings-file.ts'
import { findNode } from '../../client.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'

export async function run({ options, output }: Invocation<{ readonly origin?: boolean }>): Promise<void> {
  const own = await loadConfig({ home: options.home })
  const node = await statusOf(options)
  const loaded = node === undefined ? own : withMembership(own, node)

  if (!options.origin) {
    output.data(loaded.config, () => stringify(loaded.config).trimEnd())
    return
  }
  const items = describeConfig(loaded)
  output.data({ items }, () =>
    output.table(
      ['SETTING', 'VALUE', 'ORIGIN'],
      items.map(({ key, value, origin }) => [key, JSON.stringify(value), origin])
    )
  )
}

async function statusOf(options: GlobalOptions): Promise<SnakeCase<NodeStatus> | undefined> {
  try {
    return (await findNode(options).execute<NodeStatus>('mesh.status')).data
  } catch (err) {
    if (err instanceof LumosError && err.code === 'NODE_NOT_RUNNING') return undefined
    throw err
  }
}
