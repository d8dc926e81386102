/** A node that may open too few files fails wherever it happens to need the next one, in words of that place. */

import { LumosError, toLumosError } from '../interface/errors.ts'

/** A node has about forty open when it is ready, before the first peer. */
const OPEN_FILES_MIN = 64
const SAID = /\bE[MN]FILE\b|too many open files|system error 24\b/i

/** What a start failed with, in words that name the limit where that is the reason. */
export function startFailure(thrown: unknown, limit = openFilesMax()): LumosError {
  const error = toLumosError(thrown)
  const isCause = SAID.test(wordsOf(error)) || (error.code === 'INTERNAL' && limit < OPEN_FILES_MIN)
  if (!isCause) return error
  return new LumosError('CONFIG_INVALID', `This process may open ${limit} files, too few for a node.`, {
    hint: 'Allow it more: ulimit -n 1024, or LimitNOFILE=1024 in its service.',
    cause: thrown
  })
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? `${error.message} ${wordsOf(error.cause)}` : ''
}

/** Infinity where the system does not say. */
function openFilesMax(): number {
  if (process.report === undefined) return Number.POSITIVE_INFINITY
  // Looking up names of peers would take seconds.
  Object.assign(process.report, { excludeNetwork: true })
  const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft: unknown } } }
  const soft = Number(userLimits?.open_files?.soft)
  return Number.isNaN(soft) ? Number.POSITIVE_INFINITY : soft
}
