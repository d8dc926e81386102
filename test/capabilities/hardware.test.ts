import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { detectHardware } from '../../capabilities/hardware.ts'
import { Hardware } from '../../interface/manifest.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(os.tmpdir(), 'lumos-hardware-'))
})
afterEach(() => rm(root, { recursive: true }))

async function put(path: string, content = ''): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), content)
}

describe('detectHardware', () => {
  it('describes this device in the form of a manifest', async () => {
    const hardware = Hardware.parse(await detectHardware())
    assert.equal(hardware.cores, os.availableParallelism())
    assert.ok(hardware.memoryBytes > 0 && hardware.memoryBytes <= os.totalmem())
    assert.equal(hardware.platform, process.platform)
  })

  describe.skipIf(os.platform() === 'darwin')('on a machine with devices as files', () => {
    const accelerators = async (): Promise<string[]> => (await detectHardware(root)).accelerators

    it('has no accelerators where there are none', async () => {
      assert.deepEqual(await accelerators(), [])
    })

    it('names NVIDIA cards as their driver does, once', async () => {
      await put('dev/nvidia0')
      await put('dev/nvidiactl')
      await put('dev/dri/renderD128')
      await put('sys/class/drm/renderD128/device/vendor', '0x10de\n')
      assert.deepEqual(await accelerators(), ['nvidia-gpu'])

      await put('proc/driver/nvidia/gpus/0000:01:00.0/information', 'Model: \t\t NVIDIA T4\nIRQ: 1\n')
      assert.deepEqual(await accelerators(), ['NVIDIA T4'])
    })

    it('names the vendors of other graphics processors', async () => {
      for (const [node, vendor] of [
        ['renderD128', '0x8086\n'],
        ['renderD129', '0x1002\n'],
        ['renderD130', '0xabcd\n']
      ] as const) {
        await put(`dev/dri/${node}`)
        await put(`sys/class/drm/${node}/device/vendor`, vendor)
      }
      await put('dev/dri/card0')
      assert.deepEqual(await accelerators(), ['intel-gpu', 'amd-gpu', 'gpu'])
    })

    it('knows the neural unit of a board by its chip', async () => {
      await put('proc/device-tree/compatible', 'radxa,rock-5b\0rockchip,rk3588\0')
      assert.deepEqual(await accelerators(), ['rknpu:rk3588'])
    })

    it('tells no more than a manifest holds', async () => {
      for (let i = 0; i < 40; i++) await put(`dev/nvidia${i}`)
      assert.equal((await accelerators()).length, 16)
    })
  })
})
