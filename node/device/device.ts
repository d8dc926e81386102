import { DeviceMetricsReader, detectHardware } from '../../capabilities/index.ts'
import type { Device, DeviceInfo, DeviceMetrics, LumosDevice } from '../../interface/device.ts'
import { InvalidInputError } from '../../interface/errors.ts'
import type { Hardware } from '../../interface/manifest.ts'
import type { Feature, FeatureComponents } from '../feature.ts'

const CPU = 'cpu'

type Components = Pick<FeatureComponents, 'clock' | 'hardware' | 'emit'>

export class DeviceFeature implements Feature<LumosDevice>, LumosDevice {
  readonly name = 'device'
  readonly facet = this
  readonly #emit: Components['emit']
  readonly #look: () => Promise<Hardware>
  readonly #reader: Pick<DeviceMetricsReader, 'read'>
  #hardware: Hardware

  constructor(
    { clock, hardware, emit }: Components,
    look = () => detectHardware(),
    reader: Pick<DeviceMetricsReader, 'read'> = new DeviceMetricsReader(clock)
  ) {
    this.#emit = emit
    this.#hardware = hardware
    this.#look = look
    this.#reader = reader
  }

  list(): Device[] {
    return devicesOf(this.#hardware)
  }

  async detect(): Promise<Device[]> {
    const found = await this.#look()
    const before = namesOf(this.list())
    this.#hardware = found
    const devices = this.list()
    for (const device of devices) {
      // Numbers shift when one comes in between, and two of one kind have one name.
      const left = before.get(device.name) ?? 0
      before.set(device.name, left - 1)
      if (left <= 0) this.#emit('device.detected', { device })
    }
    return devices
  }

  info(id = CPU): DeviceInfo {
    const device = this.#find(id)
    const { platform, arch, cores } = this.#hardware
    const isCpu = device.id === CPU
    return {
      ...device,
      architecture: isCpu ? arch : null,
      capabilities: isCpu ? [`cores:${cores}`, `platform:${platform}`] : []
    }
  }

  async metrics(id = CPU): Promise<DeviceMetrics> {
    const { id: deviceId } = this.#find(id)
    if (deviceId === CPU) return { deviceId, ...(await this.#reader.read()) }
    // Only the program of its driver says more.
    const unknown = { utilization: null, temperature: null, power: null, memoryUsed: null }
    return { deviceId, ...unknown, memoryTotal: null }
  }

  #find(id: string): Device {
    const devices = this.list()
    const device = devices.find(one => one.id === id)
    if (device !== undefined) return device
    throw new InvalidInputError(`This machine has no device "${id}".`, {
      hint: `It has: ${devices.map(one => one.id).join(', ')}.`
    })
  }
}

function namesOf(devices: readonly Device[]): Map<string, number> {
  const names = new Map<string, number>()
  for (const { name } of devices) names.set(name, (names.get(name) ?? 0) + 1)
  return names
}

/** By what a processor or an accelerator is called. */
const VENDORS: readonly (readonly [name: RegExp, vendor: string])[] = [
  [/nvidia|geforce|rtx|tesla|quadro/i, 'nvidia'],
  [/amd|ryzen|epyc|radeon/i, 'amd'],
  [/intel|xeon/i, 'intel'],
  [/apple/i, 'apple'],
  [/^rknpu/, 'rockchip'],
  [/arm|cortex|neoverse/i, 'arm']
]

const vendorOf = (name: string): string | null => VENDORS.find(([pattern]) => pattern.test(name))?.[1] ?? null

export function devicesOf({ cpu, memoryBytes, accelerators }: Hardware): Device[] {
  const count = { gpu: 0, npu: 0 }
  return [
    { id: CPU, name: cpu, vendor: vendorOf(cpu), type: 'cpu', memory: memoryBytes },
    ...accelerators.map((name): Device => {
      const type = name.startsWith('rknpu') ? 'npu' : 'gpu'
      return { id: `${type}${count[type]++}`, name, vendor: vendorOf(name), type, memory: null }
    })
  ]
}
