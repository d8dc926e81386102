/** Ends what tests started and left behind. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended.
  }
}

/** Processes whose command line names `folder`. Linux only: elsewhere none are found. */
export function processesIn(folder: string): number[] {
  if (!existsSync('/proc/self/cmdline')) return []
  return readdirSync('/proc').flatMap(name => {
    const pid = Number(name)
    try {
      return pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder) ? [pid] : []
    } catch {
      return []
    }
  })
}
