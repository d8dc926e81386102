/** What other programs ask of this device now. Only Linux says so without a program being run. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Battery, batteriesIn } from './power.ts'

/** A battery with less left is its user's. */
const BATTERY_LOW_PERCENT = 30

/** Each is absent where it cannot be known. */
export interface DeviceLoad {
  /** Part of all processors that other programs use, from 0 to 1: as measured since the last reading. */
  readonly cpu?: number
  /** Part of the last ten seconds in which some program waited for memory, from 0 to 1. */
  readonly memory?: number
  /** It runs on its battery, and that has little left. */
  readonly batteryLow?: boolean
}

interface Ticks {
  readonly others: number
  readonly all: number
  readonly ownMs: number
}

/** A tick of `/proc/stat`, which no kernel of today has otherwise. */
const TICK_MS = 10

export class DeviceLoadReader {
  readonly #root: string
  readonly #ownMs: () => number
  #before: Ticks | undefined

  /**
   * @param root where `/proc` and `/sys` are.
   * @param ownMs processor time of this process.
   */
  constructor(root = '/', ownMs = ownCpuMs) {
    this.#root = root
    this.#ownMs = ownMs
  }

  async read(): Promise<DeviceLoad> {
    const [cpu, memory, batteryLow] = await Promise.all([this.#cpu(), this.#memory(), this.#batteryLow()])
    return {
      ...(cpu !== undefined && { cpu }),
      ...(memory !== undefined && { memory }),
      ...(batteryLow !== undefined && { batteryLow })
    }
  }

  /** Programs that were given a lower priority wait for others by themselves: engines of a node that yields are among them. */
  async #cpu(): Promise<number | undefined> {
    const ownMs = this.#ownMs()
    const line = /^cpu +(.+)$/m.exec(await read(join(this.#root, 'proc/stat')))?.[1]
    if (line === undefined) return undefined
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = line
      .split(' ')
      .map(Number)
    const others = user + system + irq + soft
    const now = { others, all: others + nice + idle + wait + steal, ownMs }
    const before = this.#before
    this.#before = now
    if (before === undefined || now.all <= before.all) return undefined
    const ownTicks = (now.ownMs - before.ownMs) / TICK_MS
    const share = (now.others - before.others - ownTicks) / (now.all - before.all)
    return Number.isFinite(share) ? Math.min(Math.max(share, 0), 1) : undefined
  }

  async #memory(): Promise<number | undefined> {
    const pressure = await read(join(this.#root, 'proc/pressure/memory'))
    const percent = /^some avg10=(\d+(?:\.\d+)?)/m.exec(pressure)?.[1]
    return percent === undefined ? undefined : Math.min(Number(percent) / 100, 1)
  }

  async #batteryLow(): Promise<boolean | undefined> {
    const batteries = await batteriesIn(this.#root)
    const low = await Promise.all(batteries.map(async battery => battery.isUsed && (await isLow(battery))))
    return low.length === 0 ? undefined : low.some(Boolean)
  }
}

async function isLow({ path }: Battery): Promise<boolean> {
  const capacity = (await read(join(path, 'capacity'))).trim()
  return capacity !== '' && Number(capacity) <= BATTERY_LOW_PERCENT
}

function ownCpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
