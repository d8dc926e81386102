/** What is wrong with a file of a repository, or with a configuration, and where. */

import { LumosError, type LumosErrorOptions } from '../../../interface/errors.ts'

export interface Problem {
  readonly file: string
  /** From 1; absent where the file is no text. */
  readonly line?: number
  readonly column?: number
  readonly message: string
}

/** Of one report: the first ones say what is wrong. */
export const PROBLEMS_MAX = 32

/** `model_info.json:3:5: name: …`, as editors and compilers write it. */
export const problemText = ({ file, line, column, message }: Problem): string =>
  line === undefined ? `${file}: ${message}` : `${file}:${line}:${column}: ${message}`

/** `services.clip.models[0]` */
export const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at === 0 ? '' : '.'}${String(step)}`))
    .join('')

/** All problems at once, as an error. */
export function problemsError(
  what: string,
  problems: readonly Problem[],
  code: 'WEIGHTS_INVALID' | 'CONFIG_INVALID' = 'WEIGHTS_INVALID',
  options: LumosErrorOptions = {}
): LumosError {
  const texts = problems.slice(0, PROBLEMS_MAX).map(problemText)
  const message =
    texts.length === 1 ? `${what}: ${texts[0]}` : `${what}:\n${texts.map(text => `  ${text}`).join('\n')}`
  return new LumosError(code, message, { ...options, details: { problems: texts } })
}
