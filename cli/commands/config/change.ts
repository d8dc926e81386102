/** `config get|set|unset`: one setting. They change the file, so no node need run. */

import { LumosError } from '../../../interface/errors.ts'
import type { SettingInfo } from '../../../interface/settings.ts'
import { SettingsFile } from '../../../node/settings/settings-file.ts'
import type { Invocation } from '../../invocation.ts'

export async function get({ args: [key], options, output }: Invocation): Promise<void> {
  const found = (await new SettingsFile({ home: options.home }).list()).find(setting => setting.key === key)
  if (found === undefined)
    throw new LumosError('INVALID_INPUT', `There is no setting "${key}".`, {
      hint: 'All: lumos-node config show --origin'
    })
  print(found, output)
}

export async function set({ args: [key, value], options, output }: Invocation): Promise<void> {
  print(await new SettingsFile({ home: options.home }).set(key!, value), output)
  output.note('A node that runs has it after a restart.')
}

export async function unset({ args: [key], options, output }: Invocation): Promise<void> {
  print(await new SettingsFile({ home: options.home }).unset(key!), output)
  output.note('A node that runs has it after a restart.')
}

function print({ key, value, origin }: SettingInfo, output: Invocation['output']): void {
  output.data({ key, value, origin }, () => `${key} ${JSON.stringify(value)} (${origin})`)
}
