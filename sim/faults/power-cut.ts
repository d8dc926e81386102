/**
 * What a power cut leaves of a home: what was synced, and nothing else.
 *
 * `core.db` syncs every commit, so it and its write-ahead log stay. `cache.db`
 * syncs only at checkpoints (`synchronous = NORMAL`), so its log is lost. All other
 * files a home needs are synced when they are written; the lock is made anew.
 */

import { cpSync } from 'node:fs'
import { basename } from 'node:path'

/** Rebuilt, unsynced, or of the process that is gone. */
const LOST = [/^lock\.db/, /-shm$/, /^cache\.db-wal$/, /\.sock$/, /\.tmp$/, /^logs$/]

/** Copy the home at `from` to `to`, both directories, as a power cut at this instant leaves it. */
export function copySynced(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    filter: path => path === from || !LOST.some(lost => lost.test(basename(path)))
  })
}

/** Likewise as the death of the process leaves it: the system still writes what it was given. */
export function copyWritten(from: string, to: string): void {
  const gone = [/^lock\.db/, /-shm$/, /\.sock$/]
  cpSync(from, to, {
    recursive: true,
    filter: path => path === from || !gone.some(lost => lost.test(basename(path)))
  })
}
