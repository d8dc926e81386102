/** What the doctor finds of a device whether or not its node runs. */

import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { toLumosError } from '../../interface/errors.ts'
import type { OwnSettings } from '../../interface/settings.ts'
import { checkFormat } from '../../storage/home/format.ts'
import { clockWarning } from './clock-warning.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const NODE_MAJOR_MIN = 24
const NOT_WRITABLE = 'is not writable by this user'
const OTHER_HOME = 'Choose another home: --home or LUMOS_HOME.'

export const deviceFindings = async (settings: OwnSettings, wallMs: number): Promise<Finding[]> => [
  runtimeFound(),
  homeFound(settings.home),
  await configFound(settings),
  clockFound(wallMs)
]

function runtimeFound(): Finding {
  const major = Number(process.versions.node.split('.')[0])
  if (major >= NODE_MAJOR_MIN) return ok('runtime', `Node ${process.version}.`)
  return fail('runtime', `Node ${process.version} is too old.`, `Install Node ${NODE_MAJOR_MIN} or newer.`)
}

function homeFound(home: string): Finding {
  if (!existsSync(home)) {
    const parent = existingParent(home)
    const obstacle = obstacleTo(parent)
    return obstacle === undefined
      ? ok('home', `${home} will be made at the first start.`)
      : fail('home', `${home} cannot be made: ${parent} ${obstacle}.`, OTHER_HOME)
  }
  const { mode, uid } = statSync(home)
  const obstacle = obstacleTo(home)
  if (obstacle !== undefined) {
    const isOwn = uid === process.getuid?.() && obstacle === NOT_WRITABLE
    return fail('home', `${home} ${obstacle}.`, isOwn ? `Run: chmod u+rwx ${home}` : OTHER_HOME)
  }
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    return warn('home', `${home} can be read by other users of this device.`, `Run: chmod 700 ${home}`)
  }
  try {
    checkFormat(home)
  } catch (err) {
    const { message, hint = '' } = toLumosError(err)
    return fail('home', message, hint)
  }
  return ok('home', `${home} is writable, and private.`)
}

const existingParent = (path: string): string => (existsSync(path) ? path : existingParent(dirname(path)))

/** Why no file can be made in a folder; undefined where one can. */
function obstacleTo(folder: string): string | undefined {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EROFS' ? 'is on a read-only disk' : NOT_WRITABLE
  }
}

async function configFound(settings: OwnSettings): Promise<Finding> {
  const { path } = settings
  try {
    await settings.list()
    return ok('config', existsSync(path) ? `${path} is valid.` : 'Defaults; there is no lumos.yaml.')
  } catch (err) {
    return fail('config', toLumosError(err).message, 'Correct it, then run: lumos-node config check')
  }
}

function clockFound(wallMs: number): Finding {
  const [warning] = clockWarning(wallMs)
  return warning === undefined
    ? ok('clock', `${new Date(wallMs).toISOString()}.`)
    : warn('clock', warning, 'See: date')
}
