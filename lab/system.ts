/**
 * The operating system as the lab uses it: commands, and names that tell whose
 * they are.
 *
 * Every namespace, folder, mount and cgroup of a lab has the id of the process
 * that made it in its name, so that labs side by side do not collide, and what
 * a lab that was killed left behind is found by the next one and removed.
 */

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { memoryHierarchy } from './memory.ts'
import type { Place } from './place.ts'

const PREFIX = 'lumos-lab'
/** Of an Ethernet frame. The kernel else hands on packets of 64 KiB whole, which no link could lose in part. */
const FRAME_BYTES = 1514

export const run = promisify(execFile)

let names = 0

/** A name that no other lab has. */
export const ownName = (): string => `${PREFIX}-${process.pid}-${names++}`

export async function ip(...commands: string[]): Promise<void> {
  for (const command of commands) await run('ip', command.split(' '))
}

/** The cable between a namespace and a switch. */
export async function connect({ namespace, fabric, bridge, link, port, cidrs }: Place): Promise<void> {
  await ip(
    `link add ${link} netns ${namespace} type veth peer name ${port} netns ${fabric}`,
    `-n ${namespace} link set dev ${link} gso_max_size ${FRAME_BYTES} gso_max_segs 1`,
    ...cidrs.map(cidr => `-n ${namespace} addr add ${cidr} dev ${link}${cidr.includes(':') ? ' nodad' : ''}`),
    `-n ${fabric} link set dev ${port} master ${bridge} up`,
    `-n ${namespace} link set dev ${link} up`
  )
}

/** Removes a network namespace, after ending whatever still runs in it. */
export async function removeNamespace(namespace: string): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'pids', namespace])
  for (const pid of stdout.split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // It has just ended by itself.
    }
  }
  await ip(`netns delete ${namespace}`)
}

/** A folder for all that a node keeps, or a lab. */
export const temporaryHome = (): Promise<string> => mkdtemp(join(tmpdir(), `${PREFIX}-${process.pid}-`))

/** Removes all that this process has made homes for. */
export async function removeHomes(): Promise<void> {
  const homes = (await readdir(tmpdir())).filter(home => home.startsWith(`${PREFIX}-${process.pid}-`))
  await Promise.allSettled(homes.map(home => rm(join(tmpdir(), home), { recursive: true })))
}

/** Removes what labs left behind whose process was killed. */
export async function sweep(): Promise<void> {
  // Two labs that begin together sweep the same; what the other has removed is no failure.
  const { stdout } = await run('ip', ['netns', 'list'])
  const namespaces = stdout.split('\n').map(line => line.split(' ')[0]!)
  await Promise.allSettled(namespaces.filter(isLeftOver).map(removeNamespace))

  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map(line => line.split(' ')[1] ?? '')
  const left = mounts.filter(path => path.startsWith(tmpdir()) && path.split('/').some(isLeftOver))
  await Promise.allSettled(left.map(path => run('umount', ['--lazy', path])))

  const homes = (await readdir(tmpdir())).filter(isLeftOver)
  await Promise.allSettled(homes.map(home => rm(join(tmpdir(), home), { recursive: true })))

  const hierarchy = await memoryHierarchy()
  if (typeof hierarchy === 'string') return
  const groups = (await readdir(hierarchy.path).catch(() => [])).filter(isLeftOver)
  await Promise.allSettled(groups.map(group => rmdir(join(hierarchy.path, group))))
}

const isLeftOver = (name: string): boolean =>
  name.startsWith(`${PREFIX}-`) && !isAlive(Number(name.slice(PREFIX.length + 1).split('-')[0]))

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Why this machine cannot make a lab; undefined when it can. */
export async function findObstacle(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'network namespaces are a part of Linux'
  const probe = `${ownName()}-probe`
  try {
    await ip(`netns add ${probe}`, `-n ${probe} link add switch type bridge`, `netns delete ${probe}`)
    return undefined
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    if (code === 'ENOENT') return 'there is no "ip" command; install iproute2'
    if (process.getuid?.() !== 0) return 'only root may make network namespaces'
    return `network namespaces cannot be made: ${message.trim()}`
  }
}
