/** `config show`: the settings that apply, and where each comes from. */

import { stringify } from 'yaml'
import { LumosError } from '../../../interface/errors.ts'
import type { SnakeCase } from '../../../interface/snake-case.ts'
import type { NodeStatus } from '../../../interface/status.ts'
import { describeConfig, type LoadedConfig, loadConfig } from '../../../node/settings/config.ts'
import { findNode } from '../../client.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'

export async function run({ options, output }: Invocation<{ readonly origin?: boolean }>): Promise<void> {
  const loaded = await withMembership(await loadConfig({ home: options.home }), options)

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

/** While a node runs, its names are those of its certificate and of its mesh, whatever the settings say. */
async function withMembership(loaded: LoadedConfig, options: GlobalOptions): Promise<LoadedConfig> {
  const node = await statusOf(options)
  if (node === undefined) return loaded
  const { config, origins } = loaded
  const changed = {
    ...(node.name !== config.name && { name: MEMBERSHIP }),
    ...(node.mesh !== config.mesh.name && { 'mesh.name': MEMBERSHIP })
  }
  return {
    ...loaded,
    config: { ...config, name: node.name, mesh: { ...config.mesh, name: node.mesh } },
    origins: { ...origins, ...changed }
  }
}

const MEMBERSHIP = 'membership of this mesh'

async function statusOf(options: GlobalOptions): Promise<SnakeCase<NodeStatus> | undefined> {
  try {
    return (await findNode(options).execute<NodeStatus>('mesh.status')).data
  } catch (err) {
    if (err instanceof LumosError && err.code === 'NODE_NOT_RUNNING') return undefined
    throw err
  }
}
