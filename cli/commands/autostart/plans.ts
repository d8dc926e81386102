/** The plan for each system. */

import { LumosError } from '../../../interface/errors.ts'
import { launchdPlan } from './launchd.ts'
import { commandOf, type Plan, runItself, type Target } from './plan.ts'
import { systemdPlan } from './systemd.ts'
import { windowsTaskPlan } from './windows-task.ts'

/** @throws {LumosError} `CONFIG_INVALID`, `USAGE` */
export function planFor(platform: NodeJS.Platform, target: Target): Plan {
  for (const path of commandOf(target)) {
    // No format of a service has a way to write them that all of its versions read.
    if (/\p{Cc}/u.test(path)) {
      throw new LumosError('CONFIG_INVALID', `A path holds a control character: ${JSON.stringify(path)}.`, {
        hint: 'The system can start a node only from other paths. Rename it.'
      })
    }
  }
  switch (platform) {
    case 'linux':
      return systemdPlan(target)
    case 'darwin':
      return launchdPlan(target)
    case 'win32':
      return windowsTaskPlan(target)
    default:
      throw new LumosError('USAGE', `On ${platform} lumos-node does not know how programs are started.`, {
        hint: runItself(commandOf(target))
      })
  }
}
