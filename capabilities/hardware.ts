/**
 * What this device is made of, as its manifest tells it: what can be seen
 * without loading any driver, since a driver's fault would take the node down.
 */

import { readdir, readFile } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import type { Hardware } from '../interface/manifest.ts'

/** PCI vendors of the graphics processors people own. */
const GPU_VENDORS: Readonly<Record<string, string>> = {
  '0x1002': 'amd-gpu',
  '0x10de': 'nvidia-gpu',
  '0x8086': 'intel-gpu'
}
/** As many accelerators as a manifest holds. */
const ACCELERATORS_MAX = 16
const TEXT_CHARS_MAX = 128

/** @param root where `/dev`, `/proc` and `/sys` are. */
export async function detectHardware(root = '/'): Promise<Hardware> {
  return {
    platform: os.platform(),
    arch: os.arch(),
    cpu: (os.cpus()[0]?.model.trim() ?? 'unknown').slice(0, TEXT_CHARS_MAX),
    // Counts what this process may use, not what is built in.
    cores: os.availableParallelism(),
    memoryBytes: memoryLimitBytes(),
    accelerators: (await accelerators(root)).slice(0, ACCELERATORS_MAX)
  }
}

/** The machine's memory, or the cgroup's limit when that is less. */
export function memoryLimitBytes(): number {
  // Without a limit this is 0 or a number beyond any memory.
  const limitBytes = process.constrainedMemory()
  return limitBytes > 0 ? Math.min(limitBytes, os.totalmem()) : os.totalmem()
}

async function accelerators(root: string): Promise<string[]> {
  // Every Apple processor has a graphics part.
  if (os.platform() === 'darwin' && os.arch() === 'arm64') return ['apple-gpu']

  const nvidia = await nvidiaGpus(root)
  const others = (await renderNodes(root)).filter(name => nvidia.length === 0 || name !== 'nvidia-gpu')
  return [...nvidia, ...others, ...(await boardNpus(root))]
}

/** Named by the driver; without its list, counted by their device files. */
async function nvidiaGpus(root: string): Promise<string[]> {
  const devices = (await list(join(root, 'dev'))).filter(name => /^nvidia\d+$/.test(name))
  if (devices.length === 0) return []

  const gpus = join(root, 'proc/driver/nvidia/gpus')
  const names: string[] = []
  for (const gpu of await list(gpus)) {
    const model = /^Model:\s*(.+)$/m.exec(await read(join(gpus, gpu, 'information')))?.[1]
    if (model !== undefined) names.push(model.trim().slice(0, TEXT_CHARS_MAX))
  }
  return names.length > 0 ? names : devices.map(() => 'nvidia-gpu')
}

async function renderNodes(root: string): Promise<string[]> {
  const nodes = (await list(join(root, 'dev/dri'))).filter(name => name.startsWith('renderD'))
  const vendors = await Promise.all(
    nodes.map(node => read(join(root, 'sys/class/drm', node, 'device/vendor')))
  )
  return vendors.map(vendor => GPU_VENDORS[vendor.trim()] ?? 'gpu')
}

/** Rockchip boards name their chip, and with it its neural unit, in the device tree. */
async function boardNpus(root: string): Promise<string[]> {
  const compatible = await read(join(root, 'proc/device-tree/compatible'))
  const chip = /rockchip,(rk3[0-9a-z]+)/.exec(compatible)?.[1]
  return chip === undefined ? [] : [`rknpu:${chip}`]
}

const list = (path: string): Promise<string[]> =>
  readdir(path).then(
    names => names.sort(),
    () => []
  )

const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '')
