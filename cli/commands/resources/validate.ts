/** `resources validate`: what is wrong with a configuration. */

import { LumosError } from '../../../interface/errors.ts'
import { loadReader, wantsOf } from '../../../node/weights/resources/index.ts'
import type { Invocation } from '../../invocation.ts'
import { textOf } from './file.ts'

interface Finding {
  readonly line?: number | undefined
  readonly column?: number | undefined
  readonly message: string
}

export async function run({ args, output }: Invocation): Promise<void> {
  const [file] = args as [string]
  const { checkConfiguration } = await loadReader()
  const { configuration, problems, warnings } = checkConfiguration(file, await textOf(file))
  const wants = configuration === undefined ? [] : wantsOf(configuration)
  const models = wants.map(({ name, parts, usedBy }) => ({
    ...{ model: name, runtimes: parts.folders, datasets: parts.datasets, used_by: usedBy }
  }))
  const lineOf = ({ line, column, message }: Finding): string =>
    `${[file, line, column].filter(part => part !== undefined).join(':')}: ${message}`
  output.data({ valid: problems.length === 0, problems, warnings, models }, () =>
    [
      ...problems.map(lineOf),
      ...warnings.map(warning => `${lineOf(warning)} (not used)`),
      ...(problems.length === 0 ? [`${file} is valid, and asks for ${models.length} models.`] : [])
    ].join('\n')
  )
  if (problems.length === 0) return
  throw new LumosError('CONFIG_INVALID', `${file} has ${problems.length} problems.`)
}
