/** Servers of models, as the settings name them. */

import { readFile } from 'node:fs/promises'
import type { NamedServer } from '../../capabilities/index.ts'
import type { Environment } from '../../storage/home/home-path.ts'
import type { Config } from './config-schema.ts'
import { isNear } from './near.ts'

type Servers = Config['engines']['servers']

export function namedServers(servers: Servers, env: Environment): NamedServer[] {
  return Object.entries(servers).map(([name, { url, keyFile, keyVariable, models, leavesMesh }]) => ({
    ...{ name, url, models },
    leavesMesh: leavesMesh ?? !isNear(new URL(url).hostname),
    async key() {
      if (keyFile !== undefined) return (await readFile(keyFile, 'utf8')).trim()
      return keyVariable === undefined ? undefined : env[keyVariable]
    }
  }))
}
