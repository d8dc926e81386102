/** What a node leaves when it crashes: nothing of its memory, which has keys, prompts and texts of people. */

import { writeFileSync } from 'node:fs'

/** Which parts of its memory Linux writes into a core dump: see core(5). Children have the same. */
const FILTER = '/proc/self/coredump_filter'

/**
 * Linux only: Node has no other way to it. A service of launchd is started without core dumps; Windows keeps none unless
 * the device is set up for that.
 *
 * @returns why it could not be done; none where it was, or there is nothing to do.
 */
export function leaveNoCore(platform: NodeJS.Platform = process.platform): string | undefined {
  if (platform !== 'linux') return undefined
  try {
    writeFileSync(FILTER, '0')
    return undefined
  } catch (thrown) {
    return `A crash of this node may leave its memory on the disk: ${(thrown as Error).message}.`
  }
}
