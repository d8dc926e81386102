/** Reads `lumos.yaml`, where there is one. */

import { readFileSync } from 'node:fs'
import { decodeText } from '../../interface/decode-text.ts'
import type { KnownSettings } from './config-schema.ts'
import type { FileSettings } from './config-text.ts'

/** Far more than a person writes; bounds what a wrong path can make us parse. */
const FILE_BYTES_MAX = 1024 * 1024

/** A file that does not exist has no settings. */
export async function readConfigFile(path: string, known: KnownSettings): Promise<FileSettings> {
  let text: string
  try {
    text = decodeText(readFileSync(path))
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    return { settings: [], problems: code === 'ENOENT' ? [] : [`${path}: ${message}`] }
  }
  if (text.length > FILE_BYTES_MAX) {
    return { settings: [], problems: [`${path}: holds more than ${FILE_BYTES_MAX} bytes`] }
  }
  // What reads YAML takes a megabyte of memory, and most homes have no file.
  const { parseConfig } = await import('./config-text.ts')
  return parseConfig(path, text, known)
}
