/** `config check`: says whether the settings are valid; what is wrong comes as an error. */

import { accessSync, constants, statSync } from 'node:fs'
import { loadConfig } from '../../../node/settings/config.ts'
import type { Invocation } from '../../invocation.ts'

export async function run({ options, output }: Invocation): Promise<void> {
  const { home, path, config, warnings: unused } = await loadConfig({ home: options.home })
  const warnings = [...unused, ...config.models.directories.flatMap(folder => unusable(folder) ?? [])]
  output.data({ valid: true, home, path, warnings }, () =>
    [`The settings are valid (${path}, environment).`, ...warnings].join('\n')
  )
}

/** Why a folder of models is of no use now: the node starts without it, and takes it up when it can be read. */
function unusable(folder: string): string | undefined {
  try {
    if (!statSync(folder).isDirectory()) return `models.directories: ${folder} is no folder.`
    accessSync(folder, constants.R_OK | constants.X_OK)
    return undefined
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    const why = { ENOENT: 'is not there', EACCES: 'cannot be read by this user' }[code ?? '']
    return `models.directories: ${folder} ${why ?? `cannot be read: ${message}`}.`
  }
}
