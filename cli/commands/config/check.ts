/** `config check`: says whether the settings are valid; what is wrong comes as an error. */

import { loadConfig } from '../../../node/settings/config.ts'
import type { Invocation } from '../../invocation.ts'

export async function run({ options, output }: Invocation): Promise<void> {
  const { home, path } = loadConfig({ home: options.home })
  output.data({ valid: true, home, path }, () => `The settings are valid (${path}, environment).`)
}
