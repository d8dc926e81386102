/** Why a file that was named cannot be read, in the same words for each command. */

import { InvalidInputError } from './errors.ts'

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not read it'
}

export function unreadable(path: string, cause: unknown): InvalidInputError {
  const { code = '', message } = cause as Error & { readonly code?: string }
  return new InvalidInputError(`${path} cannot be read: ${REASONS[code] ?? message}.`, { cause })
}
