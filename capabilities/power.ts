/** Whether this device runs on its battery. Only Linux says so without a program being run. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** @param root where `/sys` is. */
export async function isOnBattery(root = '/'): Promise<boolean> {
  const supplies = join(root, 'sys/class/power_supply')
  const names = await readdir(supplies).catch((): string[] => [])
  const states = await Promise.all(
    names.map(async name => ({
      type: await word(join(supplies, name, 'type')),
      scope: await word(join(supplies, name, 'scope')),
      status: await word(join(supplies, name, 'status'))
    }))
  )
  // The battery of a mouse has the scope `Device`.
  return states.some(
    ({ type, scope, status }) => type === 'Battery' && scope !== 'Device' && status === 'Discharging'
  )
}

const word = async (path: string): Promise<string> => (await readFile(path, 'utf8').catch(() => '')).trim()
