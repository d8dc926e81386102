/** Tests on the lab's networks. Where there can be none they are skipped, and that is said. */

import { describe, vi } from 'vitest'
import { findObstacle } from '../../lab/system.ts'

// Every device is a process, and each takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 120_000 })

const obstacle = await findObstacle()

export function describeOnLan(name: string, tests: () => void): void {
  if (obstacle !== undefined) console.warn(`Not run: "${name}" needs a network of its own: ${obstacle}.`)
  describe.skipIf(obstacle !== undefined)(name, tests)
}
