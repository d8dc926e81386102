/** The secret that programs on this device show to the gateway: a file that only its owner reads. */

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileDurably } from './durable-file.ts'
import { storeFailure } from './failure.ts'

/** 256 bits: not to be guessed. */
const TOKEN_BYTES = 32

export const gatewayTokenPath = (home: string): string => join(home, 'gateway.token')

/** What the file holds; undefined when there is none, or nothing in it. */
export function readGatewayToken(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim() || undefined
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storeFailure(err, path)
  }
}

/** A new one, durable when this returns; the one before is worth nothing from then on. */
export function makeGatewayToken(path: string): string {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  writeFileDurably(path, `${token}\n`)
  return token
}
