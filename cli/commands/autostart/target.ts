/** What is to start by itself: the Node and the command of this process, with a home. */

import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { LumosError } from '../../../interface/errors.ts'
import { needsSetuid } from '../../../node/doctor/sandbox.ts'
import type { LoadedConfig } from '../../../node/settings/config.ts'
import { defaultHome, userHome } from '../../../storage/home/home-path.ts'
import { mustStay, SCRIPT } from '../../own-command.ts'
import type { Target } from './plan.ts'
import { answerTo } from './system.ts'

const TAG_CHARS = 8

export async function targetOf({ home, env }: LoadedConfig, system: boolean): Promise<Target> {
  const { uid, username } = userInfo()
  const own = userHome()
  const domain = process.platform === 'win32' && env.USERDOMAIN ? `${env.USERDOMAIN}\\` : ''
  return {
    node: process.execPath,
    script: SCRIPT,
    home,
    name: nameOf(home, home === defaultHome(env, process.platform, userHome)),
    system,
    user: system ? await ownerOf(home) : `${domain}${username}`,
    uid,
    setuidSandbox: system && process.platform === 'linux' && needsSetuid(),
    userHome: own,
    // The XDG specification says to ignore a relative path.
    configHome: env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(own, '.config')
  }
}

/** Tasks of Windows have one list for all users, so that a name there is never the plain one. */
function nameOf(home: string, isDefault: boolean): string {
  if (isDefault && process.platform !== 'win32') return 'lumos-node'
  return `lumos-node-${createHash('sha256').update(home).digest('hex').slice(0, TAG_CHARS)}`
}

/** The account to which a home belongs; the one of this process where there is none yet. */
async function ownerOf(home: string): Promise<string> {
  if (!existsSync(home)) return userInfo().username
  const { uid } = statSync(home)
  return (await answerTo(['id', '-un', String(uid)]))?.trim() || String(uid)
}

/**
 * What would start now, and not by itself, is refused before anything is written.
 *
 * @throws {LumosError} `CONFIG_INVALID`
 */
export function checkTarget({ origins, path }: LoadedConfig, { script }: Target): void {
  const [variable] = Object.entries(origins).filter(([, origin]) => origin.startsWith('env '))
  if (variable !== undefined) {
    const [key, origin] = variable
    throw new LumosError('CONFIG_INVALID', `${origin.slice(4)} counts in this terminal only.`, {
      hint: `Write ${key} into ${path}, and unset the variable.`
    })
  }
  mustStay(script)
}
