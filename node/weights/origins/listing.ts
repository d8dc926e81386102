/**
 * The names and sizes of an origin's files, checked before anything is asked of it or written here. A listing is what
 * its server likes: it is refused as a whole, by its first lie.
 */

import { isAbsolute, win32 } from 'node:path'
import {
  PATH_CHARS_MAX,
  REPOSITORY_FILES_MAX,
  RepositoryFile,
  RepositoryPath
} from '../../../interface/weights.ts'
import { weightsInvalid } from './origin.ts'

/** Repositories with all their checkpoints have a few thousand; most of them are not taken. */
export const ENTRIES_MAX = 20_000
const SHA256 = /^[0-9a-f]{64}$/
const SHA1 = /^[0-9a-f]{40}$/
const SHOWN_CHARS_MAX = 120

export interface Entry {
  readonly path: string
  readonly bytes: number
  readonly sha256?: string | undefined
  readonly gitSha1?: string | undefined
}

/** @throws {LumosError} `WEIGHTS_INVALID` naming the first entry that no honest listing has. */
export function checkListing(entries: readonly Entry[]): void {
  if (entries.length > ENTRIES_MAX) throw weightsInvalid(`The listing has more than ${ENTRIES_MAX} files`)
  const seen = new Set<string>()
  for (const { path, bytes, sha256, gitSha1 } of entries) {
    const lie = lieOf(path) ?? sizeLie(bytes)
    if (lie !== undefined) throw refused(path, lie)
    if (sha256 !== undefined && !SHA256.test(sha256)) throw refused(path, 'its hash is no SHA-256')
    if (gitSha1 !== undefined && !SHA1.test(gitSha1)) throw refused(path, 'its hash is no SHA-1')
    if (seen.has(path)) throw refused(path, 'it is there twice')
    seen.add(path)
  }
}

/** @throws {LumosError} `WEIGHTS_INVALID` for a path that no honest listing has. */
export function checkPath(path: string): void {
  const lie = lieOf(path)
  if (lie !== undefined) throw refused(path, lie)
}

/**
 * What is taken of a listing, which must lie side by side on every system.
 *
 * @throws {LumosError} `WEIGHTS_INVALID` naming the entry that cannot.
 */
export function checkTaken(entries: readonly Entry[]): void {
  if (entries.length === 0) throw weightsInvalid('The listing has no file that could be taken')
  if (entries.length > REPOSITORY_FILES_MAX)
    throw weightsInvalid(
      `Of the listing, ${entries.length} files would be taken; the limit is ${REPOSITORY_FILES_MAX}`
    )
  const files = new Set(entries.map(({ path }) => path.toLowerCase()))
  const seen = new Map<string, string>()
  for (const { path } of entries) {
    if (!RepositoryPath.safeParse(path).success)
      throw refused(path, 'its name is not the same on every system')
    const parts = path.split('/')
    for (let length = 1; length <= parts.length; length++) {
      const name = parts.slice(0, length).join('/')
      const lower = name.toLowerCase()
      const other = seen.get(lower)
      if (other !== undefined && other !== name)
        throw refused(path, `it differs from ${other} in its case alone`)
      if (length < parts.length && files.has(lower)) throw refused(path, `${name} is a file, too`)
      seen.set(lower, name)
    }
  }
}

function lieOf(path: string): string | undefined {
  if (path.length === 0) return 'it has no name'
  if (path.length > PATH_CHARS_MAX) return `its path is longer than ${PATH_CHARS_MAX} characters`
  if (isAbsolute(path) || win32.isAbsolute(path) || /^[A-Za-z]:/.test(path)) return 'its path is absolute'
  if (path.includes('\\')) return 'its path holds a backslash'
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(path)) return 'its path holds a control character'
  const parts = path.split('/')
  if (parts.includes('..') || parts.includes('.')) return 'its path leads out of its folder'
  return parts.includes('') ? 'a part of its path has no name' : undefined
}

const sizeLie = (bytes: number): string | undefined =>
  RepositoryFile.shape.bytes.safeParse(bytes).success ? undefined : `its size is ${bytes}`

/** Quoted as JSON: a name may hold what moves the cursor of a terminal. */
function refused(path: string, why: string) {
  const shown = JSON.stringify(path.slice(0, SHOWN_CHARS_MAX)).replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
  return weightsInvalid(`The listing is refused for ${shown}: ${why}`, {
    details: { path: path.slice(0, SHOWN_CHARS_MAX) }
  })
}
