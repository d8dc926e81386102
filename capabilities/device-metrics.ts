/** How busy, how warm and how hungry this machine is, as its system tells it without a program being run. */

import { readdir, readFile } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../interface/clock.ts'
import { memoryLimitBytes } from './hardware.ts'
import { batteriesIn } from './power.ts'

/** Shares and watts are differences of two readings. */
const MEASURED_MS = 200
/** More sensors than a machine of a person has. */
const SENSORS_MAX = 64
/** A sensor that says more is broken, or is none of a temperature. */
const CELSIUS_MAX = 150
const PROCESSOR_ZONE = /cpu|x86_pkg|soc|package/i
const PROCESSOR_CHIP = /^(?:coretemp|k10temp|zenpower|cpu_thermal)$/

export interface MachineMetrics {
  readonly utilization: number | null
  readonly temperature: number | null
  readonly power: number | null
  readonly memoryUsed: number
  readonly memoryTotal: number
}

export interface MachineReadings {
  /** Where `/sys` is. */
  readonly root: string
  readonly cpus: () => readonly { readonly times: Readonly<Record<string, number>> }[]
  readonly memoryTotal: () => number
  readonly memoryAvailable: () => number
}

const MACHINE: MachineReadings = {
  root: '/',
  cpus: os.cpus,
  memoryTotal: memoryLimitBytes,
  memoryAvailable: () => process.availableMemory()
}

export class DeviceMetricsReader {
  readonly #clock: Clock
  readonly #readings: MachineReadings
  #measuring: Promise<MachineMetrics> | undefined

  constructor(clock: Clock, readings: Partial<MachineReadings> = {}) {
    this.#clock = clock
    this.#readings = { ...MACHINE, ...readings }
  }

  /** Calls at one time share one measurement. */
  read(): Promise<MachineMetrics> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined
    })
    return this.#measuring
  }

  async #measure(): Promise<MachineMetrics> {
    const { root, memoryTotal, memoryAvailable } = this.#readings
    const first = await this.#counters()
    await new Promise<void>(resolve => this.#clock.setTimer(resolve, MEASURED_MS))
    const second = await this.#counters()
    const total = memoryTotal()
    return {
      utilization: shareOf(first.ticks, second.ticks),
      temperature: await temperature(root),
      power: wattsOf(first, second) ?? (await batteryWatts(root)),
      memoryUsed: Math.min(Math.max(0, Math.round(total - memoryAvailable())), total),
      memoryTotal: total
    }
  }

  async #counters(): Promise<Counters> {
    const { root, cpus } = this.#readings
    const ticks = { busy: 0, all: 0 }
    for (const { times } of cpus()) {
      for (const [kind, ms] of Object.entries(times)) {
        ticks.all += ms
        if (kind !== 'idle') ticks.busy += ms
      }
    }
    return { ticks, atMs: this.#clock.monotonicMs(), joules: await processorJoules(root) }
  }
}

interface Ticks {
  readonly busy: number
  readonly all: number
}

interface Counters {
  readonly ticks: Ticks
  readonly atMs: number
  readonly joules: number | undefined
}

function shareOf(before: Ticks, after: Ticks): number | null {
  const all = after.all - before.all
  return all <= 0 ? null : Math.min(Math.max((after.busy - before.busy) / all, 0), 1)
}

/** A counter that has begun anew between the two says nothing. */
function wattsOf(before: Counters, after: Counters): number | null {
  const seconds = (after.atMs - before.atMs) / 1000
  if (before.joules === undefined || after.joules === undefined || seconds <= 0) return null
  const spent = after.joules - before.joules
  return spent < 0 ? null : spent / seconds
}

/** What the processors have used since some time. Systems of today show it to their administrator only. */
export async function processorJoules(root: string): Promise<number | undefined> {
  const zones = join(root, 'sys/class/powercap')
  const packages = (await list(zones)).filter(name => /^[a-z-]*rapl:\d+$/.test(name))
  const read = await Promise.all(packages.map(name => numberIn(join(zones, name, 'energy_uj'))))
  const known = read.filter(one => one !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, microjoules) => sum + microjoules, 0) / 1e6
}

/** What the machine takes from its battery, where it runs on it and that says so. */
async function batteryWatts(root: string): Promise<number | null> {
  for (const { path, isUsed } of await batteriesIn(root)) {
    const microwatts = isUsed ? await numberIn(join(path, 'power_now')) : undefined
    if (microwatts !== undefined) return Math.abs(microwatts) / 1e6
  }
  return null
}

/** Of the processor where a sensor is named so, else the highest. */
async function temperature(root: string): Promise<number | null> {
  const zones = await zoneTemperatures(join(root, 'sys/class/thermal'))
  const chips = await chipTemperatures(join(root, 'sys/class/hwmon'))
  const ofProcessor = zones.filter(({ name }) => PROCESSOR_ZONE.test(name))
  const chosen = [ofProcessor, chips, zones].find(({ length }) => length > 0) ?? []
  return chosen.length === 0 ? null : Math.max(...chosen.map(({ celsius }) => celsius))
}

interface Sensor {
  readonly name: string
  readonly celsius: number
}

async function zoneTemperatures(path: string): Promise<Sensor[]> {
  const zones = (await list(path)).filter(name => name.startsWith('thermal_zone'))
  const read = await Promise.all(
    zones.map(async zone => sensor(await word(join(path, zone, 'type')), join(path, zone, 'temp')))
  )
  return read.flat()
}

async function chipTemperatures(path: string): Promise<Sensor[]> {
  const chips = await Promise.all(
    (await list(path)).map(async chip => {
      const name = await word(join(path, chip, 'name'))
      if (!PROCESSOR_CHIP.test(name)) return []
      const inputs = (await list(join(path, chip))).filter(file => /^temp\d+_input$/.test(file))
      return (await Promise.all(inputs.map(file => sensor(name, join(path, chip, file))))).flat()
    })
  )
  return chips.flat()
}

/** Files have thousandths of a degree. */
async function sensor(name: string, path: string): Promise<Sensor[]> {
  const celsius = ((await numberIn(path)) ?? Number.NaN) / 1000
  return Math.abs(celsius) <= CELSIUS_MAX ? [{ name, celsius }] : []
}

const list = (path: string): Promise<string[]> =>
  readdir(path).then(
    names => names.sort().slice(0, SENSORS_MAX),
    () => []
  )

async function numberIn(path: string): Promise<number | undefined> {
  const text = await word(path)
  return /^-?\d{1,18}$/.test(text) ? Number(text) : undefined
}

const word = async (path: string): Promise<string> => (await readFile(path, 'utf8').catch(() => '')).trim()
