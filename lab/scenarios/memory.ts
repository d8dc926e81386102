/** Five devices write to one space while the network is split, a process is killed and a device is away. */

import { rm } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import type { SpaceInfo } from '../../interface/memory.ts'
import { PRESETS } from '../../sim/network/presets.ts'
import type { Device } from '../device.ts'
import type { Lab } from '../lab.ts'
import { ASKER, meet, type Node, pair, type StartOptions, startOn } from '../node.ts'
import { type Findings, type LabScenario, orNotRun } from '../scenario.ts'
import { temporaryHome } from '../system.ts'

const NEAR = ['den', 'attic', 'shed'] as const
const FAR = ['cellar', 'loft'] as const
const ALL = [...NEAR, ...FAR]
type Name = (typeof ALL)[number]

/** By the two devices of each side that write. */
const OPERATIONS_A_SIDE = 1000
const WRITERS_A_SIDE = 2
const KEYS = 50
const SPACE = 'plans'
const SHARED_MS_MAX = 30_000
const EQUAL_MS_MAX = 15_000
const LOOK_EVERY_MS = 100
const SPLIT_MS = 600_000

const ABOUT =
  'Two switches, a router, five devices, two of them behind a poor Wi-Fi and a 4G link. Split, each side writes 1,000 ' +
  'operations; one writer is killed (SIGKILL) halfway and started again, and a device that was away comes back at the end.'
const QUESTION =
  'Is a space equal on five devices within 15 s of the end of a split, with all that was acknowledged in it?'

export const memory: LabScenario = {
  name: 'memory',
  question: QUESTION,
  setup: `${ABOUT} The split lasts as long as the writes take.`,
  run: (lab, findings) => split(lab, findings, 0)
}

export const memoryTenMinutes: LabScenario = {
  name: 'memory-ten-minutes',
  question: QUESTION,
  setup: `${ABOUT} The split lasts ten minutes. Run by its name alone.`,
  isLong: true,
  run: (lab, findings) => split(lab, findings, SPLIT_MS)
}

async function split(lab: Lab, findings: Findings, lastsMs: number): Promise<void> {
  const [near, far] = [await lab.lan(), await lab.lan()]
  const router = await lab.router(near, far)
  const devices = new Map<Name, Device>()
  for (const name of NEAR) devices.set(name, await near.device(name))
  for (const name of FAR) devices.set(name, await far.device(name))
  findings.emulator = await orNotRun(devices.get('attic')!.link(PRESETS['poor-wifi']))
  await orNotRun(devices.get('loft')!.link(PRESETS['4g']))
  await using fleet = new Fleet(devices)
  for (const name of ALL) await fleet.start(name)
  const space = await fleet.share(findings)

  await fleet.node('shed').end('SIGTERM')
  await router.cut(far)
  const pauseMs = (lastsMs / OPERATIONS_A_SIDE) * WRITERS_A_SIDE
  const count = OPERATIONS_A_SIDE / WRITERS_A_SIDE
  const written = await Promise.all([
    write(fleet, 'den', { space, from: 0, count, pauseMs }),
    write(fleet, 'attic', { space, from: 0, count, pauseMs }),
    write(fleet, 'loft', { space, from: 0, count, pauseMs }),
    write(fleet, 'cellar', { space, from: 0, count: count / 2, pauseMs }).then(async before => {
      const under = write(fleet, 'cellar', { space, from: count, count: 1, pauseMs }).catch(() => [])
      await fleet.node('cellar').end('SIGKILL')
      await under
      await fleet.start('cellar')
      return [
        ...before,
        ...(await write(fleet, 'cellar', { space, from: count / 2, count: count / 2, pauseMs }))
      ]
    })
  ])
  const acknowledged = written.flat()
  const [here, there] = await Promise.all([fleet.status('den', space), fleet.status('loft', space)])
  findings.check('the sides differ before they meet', here.hash !== there.hash)
  findings.figure('acknowledged', acknowledged.length, 'entries')

  await router.mend(far)
  await fleet.start('shed')
  await findings.within('all are equal', EQUAL_MS_MAX, ms => fleet.equal(space, ms))
  for (const name of ALL) {
    const has = await entriesOf(fleet.node(name), space)
    const lost = acknowledged.filter(id => !has.includes(id))
    const twice = has.length - new Set(has).size
    findings.check(
      `nothing is lost or doubled on ${name}`,
      lost.length + twice === 0,
      `${lost.length} and ${twice}`
    )
  }
}

interface Writing {
  readonly space: string
  readonly from: number
  readonly count: number
  readonly pauseMs: number
}

/** Facts that all write, entries, and tasks that all tick. @returns ids of entries that were acknowledged. */
async function write(fleet: Fleet, name: Name, { space, from, count, pauseMs }: Writing): Promise<string[]> {
  const { client } = fleet.node(name)
  const appended: string[] = []
  for (let n = from; n < from + count; n++) {
    const id = `${name}-${n}`
    if (n % 4 === 0) await client.execute('memory.set', { space, key: `key-${n % KEYS}`, value: id })
    else if (n % 4 === 1) {
      const state = n % 3 === 0 ? 'done' : 'open'
      await client.execute('memory.task', { space, id: `task-${n % KEYS}`, title: 'a task', state })
    } else {
      await client.execute('memory.append', { space, doc: 'log', id, value: { n } })
      appended.push(id)
    }
    if (pauseMs > 0) await setTimeout(pauseMs)
  }
  return appended
}

async function entriesOf({ client }: Node, space: string): Promise<string[]> {
  const { data } = await client.execute<{ entries: { id: string }[] }>('memory.open', { space, doc: 'log' })
  return data.entries.map(({ id }) => id)
}

/** The nodes by name; each keeps its home when it ends. */
class Fleet implements AsyncDisposable {
  readonly #devices: ReadonlyMap<Name, Device>
  readonly #nodes = new Map<Name, Node>()
  readonly #homes = new Map<Name, string>()

  constructor(devices: ReadonlyMap<Name, Device>) {
    this.#devices = devices
  }

  node(name: Name): Node {
    return this.#nodes.get(name)!
  }

  async start(name: Name): Promise<void> {
    const home = this.#homes.get(name) ?? (await temporaryHome())
    this.#homes.set(name, home)
    const options: StartOptions = { home, env: ASKER }
    this.#nodes.set(name, await startOn(this.#devices.get(name)!, name, options))
  }

  /** One space on all of them, empty. @returns its id. */
  async share(findings: Findings): Promise<string> {
    const [den, ...others] = ALL.map(name => this.node(name)) as [Node, ...Node[]]
    await pair(den, ...others)
    const all = [den, ...others]
    await Promise.all(all.flatMap((one, n) => all.slice(n + 1).map(other => meet(one, other))))
    const { data } = await den.client.execute<SpaceInfo>('memory.create', { name: SPACE })
    await den.client.execute('memory.share', { space: data.id, role: 'member', right: 'write' })
    await findings.within('all have the space', SHARED_MS_MAX, ms => this.equal(data.id, ms))
    return data.id
  }

  async status(name: Name, space: string): Promise<Pick<SpaceInfo, 'hash'>> {
    return (await this.node(name).client.execute<SpaceInfo>('memory.status', { space })).data
  }

  /** Once the content of the space is the same on all. */
  async equal(space: string, withinMs: number): Promise<void> {
    const endMs = performance.now() + withinMs
    for (let hashes: (string | null)[] = []; performance.now() < endMs; await setTimeout(LOOK_EVERY_MS)) {
      // A device to which the space did not come yet does not know it.
      const asked = ALL.map(name =>
        this.status(name, space).then(
          ({ hash }) => hash,
          () => name
        )
      )
      hashes = await Promise.all(asked)
      if (new Set(hashes).size === 1) return
    }
    throw new Error('their contents differ')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes.values()].map(node => node.end('SIGKILL')))
    await Promise.all([...this.#homes.values()].map(home => rm(home, { recursive: true, force: true })))
  }
}
