/** Sessions of browsers at the gateway, in a file that only its owner reads. It holds hashes, from which no cookie can be made. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { writeFileDurably } from '../database/durable-file.ts'

/** 32 browsers of each of 64 named tokens and of the node's own, with room. */
const SESSIONS_MAX = 4096

const Digest = z.base64url().length(43)
const Stored = z.array(z.strictObject({ sha256: Digest, token: Digest, endsAtMs: z.int() })).max(SESSIONS_MAX)
type StoredSession = z.infer<typeof Stored>[number]

/** Those of a home. */
export function sessionFile(home: string) {
  const path = join(home, 'gateway-sessions.json')
  return {
    /** None also where the file makes no sense: browsers are let in again by a command. */
    read(): readonly StoredSession[] {
      try {
        return Stored.parse(JSON.parse(readFileSync(path, 'utf8')))
      } catch {
        return []
      }
    },
    /** Durable when this returns. */
    write: (sessions: readonly StoredSession[]): void =>
      writeFileDurably(path, `${JSON.stringify(sessions)}\n`)
  }
}
