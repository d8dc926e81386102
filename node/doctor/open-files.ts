/** How many files and connections the node's process has open, of those that it may: at the limit the system drops new connections. */

import { readdirSync, readFileSync } from 'node:fs'
import { type Finding, warn } from './finding.ts'

/** Above this share the next few connections meet the limit: a browser alone opens six. */
const SHARE_MAX = 0.9

/**
 * A warning near the limit; none elsewhere, and none where the system does not say (only Linux does).
 *
 * @param proc the directory of the process, `/proc/PID`.
 */
export function openFilesFound(proc: string): Finding[] {
  const { open, max } = openFiles(proc)
  if (open <= max * SHARE_MAX) return []
  return [
    warn(
      'files',
      `The node has ${open} files and connections open, of ${max} that it may. The system drops new connections.`,
      'End programs that hold many connections, or allow the node more: ulimit -n 1024, or LimitNOFILE=1024 in its service.'
    )
  ]
}

function openFiles(proc: string): { open: number; max: number } {
  try {
    const [, max] = /^Max open files\s+(\d+)/m.exec(readFileSync(`${proc}/limits`, 'utf8')) ?? []
    return { open: readdirSync(`${proc}/fd`).length, max: Number(max ?? Number.POSITIVE_INFINITY) }
  } catch {
    return { open: 0, max: Number.POSITIVE_INFINITY }
  }
}
