/** What Linux says of processes. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Pids of the processes that `pid` started, the oldest first. */
export function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap(task => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .filter(child => child.trim() !== '')
    .map(Number)
}

/** As `childrenOf`, with the processes that those started, and so on. */
export const descendantsOf = (pid: number): number[] =>
  childrenOf(pid).flatMap(child => [child, ...descendantsOf(child)])

/** Paths of everything that a process has open. */
export const openFilesOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).map(fd => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`)
    } catch {
      return 'closed meanwhile'
    }
  })

export function isRunning(pid: number): boolean {
  try {
    // A zombie has ended; whoever started it has not asked yet.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
