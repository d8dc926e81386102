/** `stop`: asks the node to stop, and waits until its process is gone. */

import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import { findNode } from '../../client.ts'
import type { Invocation } from '../../invocation.ts'

/** The node drains for up to 10 s; engines then get a moment to end. */
const GONE_TIMEOUT_MS = 15_000
const POLL_MS = 20

export async function run({ options, output }: Invocation): Promise<void> {
  const node = findNode(options)
  const { pid, name, peerId } = node.info
  await node.execute('node.stop')

  const deadlineMs = systemClock.monotonicMs() + GONE_TIMEOUT_MS
  while (isAlive(pid)) {
    if (systemClock.monotonicMs() > deadlineMs) {
      throw new LumosError('TIMEOUT', `Process ${pid} is still stopping.`, {
        hint: `End it at once: kill ${pid}`
      })
    }
    await pause(POLL_MS)
  }
  output.data({ event: 'stopped', peer_id: peerId, name }, () => `${name} has stopped.`)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (err) {
    return (err as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Ended, but listed until its parent notices, which the first process of a container may never do. */
function isZombie(pid: number): boolean {
  if (process.platform !== 'linux') return false
  // The name before the state is in parentheses, and may hold any character.
  return /\) Z [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}
