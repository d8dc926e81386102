/**
 * `run.json`: where the running node of a home can be reached. The node writes
 * it when it is ready and removes it at its end; the CLI reads it.
 *
 * Free of heavy imports, because the CLI must start quickly. A node that was
 * killed leaves the file behind, so it is a hint: only a connection proves
 * that the node is there.
 */

import { readFileSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileDurably } from '../database/durable-file.ts'
import { mustBeOurs } from './home-path.ts'

export interface RunInfo {
  readonly pid: number
  readonly peerId: string
  readonly name: string
  readonly version: string
  /** Unix socket, or named pipe on Windows. */
  readonly socketPath: string
  /** Base URL of the HTTP gateway. */
  readonly gateway: string
  /** Wall time, for people. */
  readonly startedAtMs: number
}

interface Written extends RunInfo {
  /** Its own home: a copy of a home that was made while its node ran has the run file of the other one. */
  readonly home: string
}

const runFilePath = (home: string): string => join(home, 'run.json')

/**
 * What the node of `home` wrote, or undefined when none did, the node of another home did, or the file makes no sense.
 * Throws as {@link mustBeOurs} does.
 */
export function readRunFile(home: string): RunInfo | undefined {
  mustBeOurs(runFilePath(home))
  try {
    // A node of an earlier version names no home.
    const { home: of = home, ...info } = JSON.parse(
      readFileSync(runFilePath(home), 'utf8')
    ) as Partial<Written>
    if (realpathSync.native(of) !== realpathSync.native(home)) return undefined
    return typeof info.pid === 'number' && typeof info.socketPath === 'string' ? (info as RunInfo) : undefined
  } catch {
    return undefined
  }
}

export function writeRunFile(home: string, info: RunInfo): void {
  const written: Written = { ...info, home }
  writeFileDurably(runFilePath(home), `${JSON.stringify(written, null, 2)}\n`)
}

export function removeRunFile(home: string): void {
  rmSync(runFilePath(home), { force: true })
}
