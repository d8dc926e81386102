/** Named tokens of the gateway, in a file that only its owner reads. It holds hashes, from which no token can be made. */

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { TOKENS_MAX, TokenRecord, type TokenStore } from '../../interface/tokens.ts'
import { writeFileDurably } from '../database/durable-file.ts'
import { storeDamaged, storeFailure } from '../database/failure.ts'

/** 256 bits: not to be guessed. So their plain hash tells nothing. */
const SECRET_BYTES = 32
/** Programs that look for leaked secrets find it by this. */
const SECRET_PREFIX = 'lumos_'

const Tokens = z.strictObject({ tokens: z.array(TokenRecord).max(TOKENS_MAX) })

export function tokenFile(home: string): TokenStore {
  const path = join(home, 'gateway-tokens.json')
  return {
    read: () => readTokens(path),
    write: tokens => writeFileDurably(path, `${JSON.stringify({ tokens }, null, 2)}\n`),
    newSecret: () => SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64url')
  }
}

function readTokens(path: string): readonly TokenRecord[] {
  try {
    return Tokens.parse(JSON.parse(readFileSync(path, 'utf8'))).tokens
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return []
    if (err instanceof SyntaxError || err instanceof z.ZodError) {
      throw storeDamaged(path, 'it holds no list of tokens', 'Remove it, and create the tokens again.', err)
    }
    throw storeFailure(err, path)
  }
}
