/** The batteries of this device. Only Linux says something of them without a program being run. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Battery {
  /** The folder in which the system describes it. */
  readonly path: string
  /** The device runs on it. */
  readonly isUsed: boolean
}

/** @param root where `/sys` is. */
export async function batteriesIn(root: string): Promise<Battery[]> {
  const supplies = join(root, 'sys/class/power_supply')
  const names = await readdir(supplies).catch((): string[] => [])
  const found = await Promise.all(
    names.map(async name => {
      const path = join(supplies, name)
      // The battery of a mouse has the scope `Device`.
      if ((await wordIn(path, 'type')) !== 'Battery' || (await wordIn(path, 'scope')) === 'Device') return []
      return [{ path, isUsed: (await wordIn(path, 'status')) === 'Discharging' }]
    })
  )
  return found.flat()
}

/** @param root where `/sys` is. */
export const isOnBattery = async (root = '/'): Promise<boolean> =>
  (await batteriesIn(root)).some(({ isUsed }) => isUsed)

const wordIn = async (path: string, file: string): Promise<string> =>
  (await readFile(join(path, file), 'utf8').catch(() => '')).trim()
