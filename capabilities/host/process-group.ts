/** Processes that began with one, and end with it. A process may leave its group on purpose; a sandbox ends that one too. */

import { readdirSync, readFileSync } from 'node:fs'

/** Ends all processes of the group that `leader` began; of one that has ended already, none. */
export function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // None is left, or the system has no groups.
  }
}

/** Of `/proc/PID/stat`, behind the name of the program, which may hold anything. */
const GROUP_FIELD = 2

/** Resident memory of the group of `pid`, without `pid` itself. 0 where the system does not say. */
export function groupBytesWithout(pid: number): number {
  if (process.platform !== 'linux') return 0
  const group = groupOf(pid)
  if (group === undefined) return 0
  let bytes = 0
  for (const entry of readdirSync('/proc')) {
    const other = Number(entry)
    if (Number.isInteger(other) && other !== pid && groupOf(other) === group) bytes += residentBytes(other)
  }
  return bytes
}

function groupOf(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[GROUP_FIELD]
}

const residentBytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024

/** Empty for a process that has ended meanwhile. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
