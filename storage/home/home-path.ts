/**
 * Where a node keeps everything: its home directory.
 *
 * Apart, because the CLI needs it before anything else and must start quickly.
 */

import { accessSync, constants, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, posix, resolve, win32 } from 'node:path'
import { LumosError } from '../../interface/errors.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** The home as an absolute path: what was asked for, else `LUMOS_HOME`, else the platform's folder. */
export function homePath(home: string | undefined, env: Environment): string {
  const asked = home || env.LUMOS_HOME
  const path = resolve(asked ? fromTilde(asked) : defaultHome(env, process.platform, userHome))
  mustBeOurs(path)
  return path
}

/**
 * Refuses what another user keeps from this one, and says so: to look into it would find nothing there.
 *
 * @throws {LumosError} `DENIED`
 */
export function mustBeOurs(path: string): void {
  try {
    accessSync(path, constants.R_OK)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EACCES') return
    const uid = ownerOf(path)
    // The mode is wrong, which its owner can mend: `doctor` says how.
    if (uid !== undefined && uid === process.getuid?.()) return
    throw new LumosError('DENIED', `${path} ${ownerWords(uid)}, and this user may not read it.`, {
      hint: 'Run this as that user (sudo), or use a home of your own: --home HOME, or LUMOS_HOME.',
      cause: err
    })
  }
}

/** Undefined where the folders around it belong to another user, too. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch {
    return undefined
  }
}

const ownerWords = (uid: number | undefined): string => {
  if (uid === undefined) return 'is in a folder of another user'
  return uid === 0 ? 'belongs to root' : `belongs to user ${uid}`
}

/**
 * The home directory of this user. Services and containers may run as a user that has none.
 *
 * @throws {LumosError} `CONFIG_INVALID`
 */
export function userHome(find: () => string = homedir): string {
  let found = ''
  try {
    found = find()
  } catch {
    // The system does not list this user, and HOME is not set.
  }
  if (isAbsolute(found)) return found
  const why = found === '' ? 'is not known' : `is "${found}", which is no absolute path`
  throw new LumosError('CONFIG_INVALID', `The home directory of this user ${why}.`, {
    hint: 'Set LUMOS_HOME, or HOME, to an absolute path.'
  })
}

/** `~` and `~/` at the start are the user's home, as a shell has it outside of quotes and options. */
export const fromTilde = (path: string): string => path.replace(/^~(?=$|[\\/])/, () => userHome())

/** XDG's data folder on Linux, the platform's own folder for application data elsewhere. */
export function defaultHome(env: Environment, platform: NodeJS.Platform, userHome: () => string): string {
  if (platform === 'win32') {
    return win32.join(env.LOCALAPPDATA || win32.join(userHome(), 'AppData', 'Local'), 'lumos-node')
  }
  if (platform === 'darwin') return posix.join(userHome(), 'Library', 'Application Support', 'lumos-node')

  // The XDG specification says to ignore a relative path.
  const xdg = env.XDG_DATA_HOME
  const dataHome = xdg?.startsWith('/') ? xdg : posix.join(userHome(), '.local', 'share')
  return posix.join(dataHome, 'lumos-node')
}

/** The settings of a home, which its owner may write. */
export const configPath = (home: string): string => join(home, 'lumos.yaml')
