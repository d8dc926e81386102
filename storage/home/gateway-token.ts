/** The secret that programs on this device show to the gateway: a file that only its owner reads. */

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileDurably } from '../database/durable-file.ts'
import { storeDamaged, storeFailure } from '../database/failure.ts'

/** 256 bits: not to be guessed. */
const TOKEN_BYTES = 32
const TOKEN = /^[\w-]{43}$/

export const gatewayTokenPath = (home: string): string => join(home, 'gateway.token')

/**
 * What the file holds; undefined when there is none.
 *
 * @throws {LumosError} `STORE_DAMAGED` when it holds something else: what is shorter could be guessed.
 */
export function readGatewayToken(path: string): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw storeFailure(err, path)
  }
  if (TOKEN.test(text)) return text
  throw storeDamaged(path, 'it holds no token', 'Make a new one: lumos-node token rotate')
}

/** A new one, durable when this returns; the one before is worth nothing from then on. */
export function makeGatewayToken(path: string): string {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  writeFileDurably(path, `${token}\n`)
  return token
}
