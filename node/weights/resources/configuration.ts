/**
 * The configuration of Lumen's resources: which models the services of a device need, and which hub they come from. The
 * form with `metadata` and maps of models is canonical; shorter forms are read as that.
 */

import { type Problem, problemsError } from '../repositories/problem.ts'
import { Reader } from './reader.ts'
import type { ResourceConfiguration } from './types.ts'
import { YamlText } from './yaml-text.ts'

export interface CheckedConfiguration {
  /** Absent where there are problems. */
  readonly configuration?: ResourceConfiguration
  readonly problems: readonly Problem[]
  /** What is read and not used. */
  readonly warnings: readonly Problem[]
}

/** Never throws: all that is wrong is in `problems`, each with its line and column. */
export function checkConfiguration(file: string, text: string): CheckedConfiguration {
  const source = new YamlText(file, text)
  const configuration = source.problems.length === 0 ? new Reader(source).read() : undefined
  const { problems, warnings } = source
  return problems.length === 0 && configuration !== undefined
    ? { configuration, problems, warnings }
    : { problems, warnings }
}

/** @throws {LumosError} `CONFIG_INVALID` with all problems. */
export function readConfiguration(file: string, text: string): Required<CheckedConfiguration> {
  const checked = checkConfiguration(file, text)
  if (checked.configuration !== undefined) return { ...checked, configuration: checked.configuration }
  throw problemsError('The configuration is invalid', checked.problems, 'CONFIG_INVALID', {
    hint: `Correct it, then run: lumos-node resources validate ${file}`
  })
}
