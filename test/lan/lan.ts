/**
 * A LAN of network namespaces: one switch, and devices with a cable to it. The
 * switch is in a namespace too, so nothing of the machine itself is touched.
 *
 * Names hold the process that made them, so that runs side by side do not
 * collide, and a run that was killed is swept up by the next one.
 */

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe } from 'vitest'

const run = promisify(execFile)
const PREFIX = 'lumos-lan'
/** A device's end of its cable. The other end, at the switch, has the device's name. */
const DEVICE_LINK = 'eth0'

let lans = 0

/** Why this machine cannot make such a LAN; undefined when it can. */
const obstacle = await findObstacle()

/** Tests that need a LAN. Where there can be none they are skipped, and that is said. */
export function describeOnLan(name: string, tests: () => void): void {
  if (obstacle !== undefined) console.warn(`test/lan did not run: ${obstacle} ("${name}")`)
  describe.skipIf(obstacle !== undefined)(name, tests)
}

export class Lan {
  readonly #name = `${PREFIX}-${process.pid}-${lans++}`
  readonly #devices: string[] = []

  static async create(): Promise<Lan> {
    await sweep()
    const lan = new Lan()
    await ip(`netns add ${lan.#switch}`)
    await ip(`-n ${lan.#switch} link add switch type bridge`, `-n ${lan.#switch} link set switch up`)
    return lan
  }

  /** Another machine, plugged in. */
  async device(name: string): Promise<Device> {
    const device = new Device(`${this.#name}-${name}`, this.#switch, name)
    this.#devices.push(device.namespace)
    const on = `-n ${device.namespace}`
    await ip(
      `netns add ${device.namespace}`,
      `link add ${DEVICE_LINK} netns ${device.namespace} type veth peer name ${name} netns ${this.#switch}`
    )
    await ip(
      `-n ${this.#switch} link set ${name} master switch up`,
      `${on} addr add 10.77.0.${this.#devices.length}/24 dev ${DEVICE_LINK}`,
      `${on} link set lo up`,
      `${on} link set ${DEVICE_LINK} up`,
      // A machine on a real LAN has a default route, which covers multicast.
      `${on} route add default via 10.77.0.254`
    )
    return device
  }

  get #switch(): string {
    return `${this.#name}-switch`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#devices, this.#switch].map(remove))
  }
}

export class Device {
  readonly namespace: string
  readonly #switch: string
  readonly #port: string

  constructor(namespace: string, switchNamespace: string, port: string) {
    this.namespace = namespace
    this.#switch = switchNamespace
    this.#port = port
  }

  /** Before a command: runs it on this device. */
  get through(): string[] {
    return ['ip', 'netns', 'exec', this.namespace]
  }

  /** The end at the switch goes down, so the device loses its link as it does without a cable. */
  async unplug(): Promise<void> {
    await ip(`-n ${this.#switch} link set ${this.#port} down`)
  }

  async plugIn(): Promise<void> {
    await ip(`-n ${this.#switch} link set ${this.#port} up`)
  }
}

async function ip(...commands: string[]): Promise<void> {
  for (const command of commands) await run('ip', command.split(' '))
}

/** Also ends whatever still runs in it. */
async function remove(namespace: string): Promise<void> {
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

/** For all that a node keeps. */
export const temporaryHome = (): Promise<string> => mkdtemp(join(tmpdir(), `${PREFIX}-${process.pid}-`))

/** Removes what runs that were killed left behind. */
async function sweep(): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list'])
  const namespaces = stdout.split('\n').map(line => line.split(' ')[0]!)
  // Two runs that begin together sweep the same; what the other has removed is no failure.
  await Promise.allSettled(namespaces.filter(isLeftOver).map(remove))
  const homes = (await readdir(tmpdir())).filter(isLeftOver)
  await Promise.allSettled(homes.map(home => rm(join(tmpdir(), home), { recursive: true })))
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

async function findObstacle(): Promise<string | undefined> {
  const probe = `${PREFIX}-${process.pid}-probe`
  try {
    await ip(`netns add ${probe}`, `-n ${probe} link add switch type bridge`, `netns delete ${probe}`)
    return undefined
  } catch (err) {
    const { code, message } = err as NodeJS.ErrnoException
    if (process.platform !== 'linux') return 'network namespaces are a part of Linux'
    if (code === 'ENOENT') return 'there is no "ip" command; install iproute2'
    if (process.getuid?.() !== 0) return 'only root may make network namespaces'
    return `network namespaces cannot be made: ${message}`
  }
}
