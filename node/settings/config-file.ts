/** Reads `lumos.yaml`, where there is one. */

import { readFileSync } from 'node:fs'
import { decodeText } from '../../interface/decode-text.ts'
import { LumosError } from '../../interface/errors.ts'
import type { KnownSettings } from './config-schema.ts'
import type { FileSettings } from './config-text.ts'

/** Far more than a person writes; bounds what a wrong path can make us parse. */
const FILE_BYTES_MAX = 1024 * 1024

/** A file that does not exist has no settings. @param given in place of what the file holds. */
export async function readConfigFile(
  path: string,
  known: KnownSettings,
  given?: string
): Promise<FileSettings> {
  let text: string
  try {
    text = given === undefined ? readConfigText(path) : ofLength(path, given)
  } catch (err) {
    return { settings: [], problems: [(err as Error).message] }
  }
  if (text === '') return { settings: [], problems: [] }
  // What reads YAML takes a megabyte of memory, and most homes have no file.
  const { parseConfig } = await import('./config-text.ts')
  return parseConfig(path, text, known)
}

/** @throws {LumosError} `CONFIG_INVALID` for a file that cannot be read, or is too long. */
export function readConfigText(path: string): string {
  let text: string
  try {
    text = decodeText(readFileSync(path))
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    if (code === 'ENOENT') return ''
    throw new LumosError('CONFIG_INVALID', `${path}: ${message}`)
  }
  return ofLength(path, text)
}

function ofLength(path: string, text: string): string {
  if (text.length <= FILE_BYTES_MAX) return text
  throw new LumosError('CONFIG_INVALID', `${path}: holds more than ${FILE_BYTES_MAX} bytes`)
}
