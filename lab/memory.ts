/**
 * A memory limit for a device: a control group that its processes begin in.
 * Machines have either generation of control groups, or none that we may use.
 */

import { access, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

interface Hierarchy {
  readonly version: 1 | 2
  /** The group that ours are made in. */
  readonly path: string
}

/** Where groups with a memory limit can be made, or why there is no such place. */
export async function memoryHierarchy(): Promise<Hierarchy | string> {
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map(line => line.split(' '))
  const first = mounts.find(
    ([, , type, options]) => type === 'cgroup' && options?.split(',').includes('memory')
  )
  if (first !== undefined) {
    // Inside our own group, so that a limit on this process holds for the lab too.
    const own = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(await readFile('/proc/self/cgroup', 'utf8'))
    const path = join(first[1]!, own?.[1] ?? '/')
    return { version: 1, path: (await exists(path)) ? path : first[1]! }
  }
  const second = mounts.find(([, , type]) => type === 'cgroup2')
  if (second === undefined) return 'no control groups are mounted'
  // Only the root may hold both processes and groups with limits.
  const controllers = await readFile(join(second[1]!, 'cgroup.subtree_control'), 'utf8').catch(() => '')
  if (!controllers.split(/\s+/).includes('memory')) return 'control groups do not limit memory here'
  return { version: 2, path: second[1]! }
}

export class MemoryLimit {
  readonly #path: string

  private constructor(path: string) {
    this.#path = path
  }

  /** @throws {Error} that says why there can be no such limit here. */
  static async create(name: string, bytes: number): Promise<MemoryLimit> {
    const hierarchy = await memoryHierarchy()
    if (typeof hierarchy === 'string') throw new Error(hierarchy)
    const path = join(hierarchy.path, name)
    await mkdir(path).catch(cause => {
      throw new Error(`control groups cannot be made here: ${(cause as Error).message}`, { cause })
    })
    const limit = new MemoryLimit(path)
    try {
      await writeFile(
        join(path, hierarchy.version === 1 ? 'memory.limit_in_bytes' : 'memory.max'),
        `${bytes}`
      )
      // Without this a device with swap is only slow. Not every kernel counts swap.
      if (hierarchy.version === 1)
        await writeFile(join(path, 'memory.memsw.limit_in_bytes'), `${bytes}`).catch(() => {})
      else await writeFile(join(path, 'memory.swap.max'), '0').catch(() => {})
      return limit
    } catch (cause) {
      await limit.remove()
      throw new Error(`memory cannot be limited: ${(cause as Error).message}`, { cause })
    }
  }

  /** Before a command: puts it and what it starts under the limit. */
  get through(): string[] {
    return ['sh', '-c', 'echo $$ > "$0" && exec "$@"', join(this.#path, 'cgroup.procs')]
  }

  /** How often the kernel has killed a process here. */
  async kills(): Promise<number> {
    const events = await Promise.any(
      ['memory.oom_control', 'memory.events'].map(file => readFile(join(this.#path, file), 'utf8'))
    )
    return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0)
  }

  /** The most that was ever in use, in bytes; undefined where the kernel does not tell. */
  async peakBytes(): Promise<number | undefined> {
    const files = ['memory.max_usage_in_bytes', 'memory.peak']
    const text = await Promise.any(files.map(file => readFile(join(this.#path, file), 'utf8'))).catch(
      () => ''
    )
    return text === '' ? undefined : Number(text)
  }

  /** Once all of its processes have ended. */
  async remove(): Promise<void> {
    await rmdir(this.#path)
  }
}

const exists = (path: string): Promise<boolean> =>
  access(dirname(join(path, 'tasks'))).then(
    () => true,
    () => false
  )
