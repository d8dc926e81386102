/** `config show`: the settings that apply, and where each comes from. */

import { stringify } from 'yaml'
import { describeConfig, loadConfig } from '../../node/config.ts'
import type { Invocation } from '../program.ts'

export async function run({ options, output }: Invocation<{ readonly origin?: boolean }>): Promise<void> {
  const loaded = loadConfig({ home: options.home })

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
