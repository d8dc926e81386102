/** What a node and the engines that it started take of their machine, as the kernel counts it. */

import { readFile } from 'node:fs/promises'

/** Of `/proc/PID/stat`: Linux counts a hundred ticks a second on every machine that Node runs on. */
const TICK_MS = 10
/** Places of the fields after the name, which may hold spaces. */
const USER_TICKS = 11
const FIELDS_OF_CPU = 4

/** Processor time of a process so far, of the processes that it started too, also of those that have ended. */
export async function cpuMs(pid: number): Promise<number> {
  let ticks = 0
  for (const each of await withChildren(pid)) {
    const text = await readFile(`/proc/${each}/stat`, 'utf8').catch(() => '')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // User and system, then those of children that were waited for.
    for (const field of fields.slice(USER_TICKS, USER_TICKS + FIELDS_OF_CPU)) ticks += Number(field)
  }
  return ticks * TICK_MS
}

/** Memory that is in use by a process and by those that it started; what they share counts in each. */
export async function residentBytes(pid: number): Promise<number> {
  let kibibytes = 0
  for (const each of await withChildren(pid)) {
    const text = await readFile(`/proc/${each}/status`, 'utf8').catch(() => '')
    kibibytes += Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0)
  }
  return kibibytes * 1024
}

async function withChildren(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const children = await Promise.all(text.split(' ').filter(Boolean).map(Number).map(withChildren))
  return [pid, ...children.flat()]
}
