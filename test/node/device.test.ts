/** The machine of a node: devices that come, and health that changes. */

import assert from 'node:assert/strict'
import { expect, it } from 'vitest'
import { systemClock } from '../../interface/clock.ts'
import { DEVICE_EVENTS } from '../../interface/device.ts'
import { LumosError } from '../../interface/errors.ts'
import type { NodeStatus } from '../../interface/status.ts'
import { DeviceFeature } from '../../node/device/device.ts'
import { watchHealth } from '../../node/device/health.ts'
import { EventBus } from '../../node/events/event-bus.ts'

const HARDWARE = {
  ...{ platform: 'linux', arch: 'x64', cpu: 'AMD Ryzen 7', cores: 8, memoryBytes: 2 ** 34 },
  accelerators: ['amd-gpu']
}

function started() {
  const events = new EventBus({ clock: systemClock, random: () => 0.5, declared: DEVICE_EVENTS })
  const seen: unknown[] = []
  for (const name of ['device.detected', 'device.health_changed'] as const)
    events.addEventListener(name, ({ detail }) => seen.push(detail))
  return { events, seen }
}

it('names each part of a machine by its kind, with its vendor', () => {
  const { events } = started()
  const accelerators = ['NVIDIA GeForce RTX 4090', 'amd-gpu', 'rknpu:rk3588', 'gpu']
  const emit = events.emit.bind(events)
  const device = new DeviceFeature({ clock: systemClock, hardware: { ...HARDWARE, accelerators }, emit })
  assert.deepEqual(
    device.list().map(({ id, vendor }) => `${id} ${vendor}`),
    ['cpu amd', 'gpu0 nvidia', 'gpu1 amd', 'npu0 rockchip', 'gpu2 null']
  )
})

it('says which devices have come since it looked last, each once', async () => {
  const { events, seen } = started()
  let accelerators = ['amd-gpu', 'amd-gpu', 'rknpu:rk3588']
  const emit = events.emit.bind(events)
  const look = async () => ({ ...HARDWARE, accelerators })
  const device = new DeviceFeature({ clock: systemClock, hardware: HARDWARE, emit }, look)

  assert.equal((await device.detect()).length, 4)
  expect(seen).toMatchObject([{ device: { id: 'gpu1' } }, { device: { id: 'npu0' } }])
  await device.detect()
  assert.equal(seen.length, 2)
  accelerators = []
  await device.detect()
  assert.throws(() => device.info('gpu0'), { code: 'INVALID_INPUT' })
  assert.equal(seen.length, 2)
})

it('says when its health changes, once for each change', () => {
  const { events, seen } = started()
  const status: { -readonly [K in 'storage' | 'yielding' | 'drained']: NodeStatus[K] } = {
    ...{ storage: 'ok', yielding: [], drained: false }
  }
  watchHealth(events, () => status)
  const yields = (yielding: NodeStatus['yielding']) => {
    status.yielding = yielding
    events.emit('node.yielding_changed', { reasons: yielding })
  }
  yields(['cpu'])
  yields(['cpu', 'battery'])
  status.storage = 'failing'
  const { code, message } = new LumosError('STORE_FAILED', 'no')
  events.emit('node.storage_changed', { code, message })
  status.storage = 'ok'
  events.emit('node.storage_changed', { code: null, message: null })
  yields([])
  status.drained = true
  events.emit('node.drain_changed', { drained: true })
  assert.deepEqual(
    seen.map(one => (one as { newStatus: string }).newStatus),
    ['degraded', 'failing', 'degraded', 'healthy', 'degraded']
  )
})
