/** `stop`: asks the node to stop, and waits until its process is gone. */

import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { systemClock } from '../../../interface/clock.ts'
import { LumosError } from '../../../interface/errors.ts'
import { lockHolder } from '../../../storage/home/lock-holder.ts'
import { readRunFile } from '../../../storage/home/run-file.ts'
import { findNode, homeOf } from '../../client.ts'
import type { GlobalOptions, Invocation } from '../../invocation.ts'

/** The node drains for up to 10 s; engines then get a moment to end. */
const GONE_TIMEOUT_MS = 15_000
const POLL_MS = 20

export async function run({ options, output }: Invocation): Promise<void> {
  const pid = await askToStop(options)
  const { name = 'The node', peerId = null } = readRunFile(homeOf(options)) ?? {}

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

/** @returns the process that is stopping. */
async function askToStop(options: GlobalOptions): Promise<number> {
  try {
    const node = findNode(options)
    await node.execute('node.stop')
    return node.info.pid
  } catch (err) {
    if (!(err instanceof LumosError) || err.code !== 'NODE_NOT_RUNNING') throw err
    // Its socket is gone, or its routes went with an upgrade. The signal means the same, and the lock proves the process.
    const pid = lockHolder(homeOf(options))
    if (pid === undefined || process.platform === 'win32') throw err
    process.kill(pid)
    return pid
  }
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
