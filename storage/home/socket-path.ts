/**
 * Where the node's local socket lies. Unix limits such a path to about a
 * hundred bytes, so a deep home gets a short one elsewhere.
 */

import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { LumosError } from '../../interface/errors.ts'
import { PRIVATE_DIR_MODE } from '../database/durable-file.ts'

/** macOS allows 104 bytes with the closing zero, Linux 108. */
const SOCKET_PATH_BYTES_MAX = 103

/** The path for the node of `home`: its directory is made, and a socket that a killed process left is gone. */
export function makeSocketPath(home: string): string {
  const tag = createHash('sha256').update(home).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\lumos-node-${tag}`

  const path = join(home, 'node.sock')
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) {
    rmSync(path, { force: true })
    return path
  }
  // TMPDIR may be long, read-only or gone.
  for (const folder of new Set([tmpdir(), '/tmp'])) {
    const short = join(folder, `lumos-${tag}`, 'node.sock')
    if (Buffer.byteLength(short) > SOCKET_PATH_BYTES_MAX || !makeDirectory(dirname(short))) continue
    mustBePrivate(dirname(short))
    rmSync(short, { force: true })
    return short
  }
  throw new LumosError(
    'CONFIG_INVALID',
    `The socket of the node has no place: ${path} has more than ${SOCKET_PATH_BYTES_MAX} bytes, and neither ${tmpdir()} nor /tmp can be used.`,
    {
      hint: 'Set TMPDIR to a short folder that this user can write to, or choose a home with a shorter path.'
    }
  )
}

/** Undo `makeSocketPath`. */
export function removeSocketPath(home: string, path: string): void {
  if (process.platform === 'win32') return
  rmSync(path, { force: true })
  if (dirname(path) !== home) rmSync(dirname(path), { recursive: true, force: true })
}

function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, { mode: PRIVATE_DIR_MODE })
    return true
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EEXIST'
  }
}

/** Anyone may write to the folder for temporary files, so a directory found there must be proven ours. */
function mustBePrivate(path: string): void {
  const found = lstatSync(path)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new LumosError('DENIED', `${path} exists and is not private to this user.`, {
      hint: 'Remove it, or use a home with a shorter path (--home).'
    })
  }
}
