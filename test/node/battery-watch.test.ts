import { expect, it, vi } from 'vitest'
import { BatteryWatch } from '../../node/manifests/battery-watch.ts'
import { ManualClock } from '../capabilities/manual-clock.ts'

it('states that the device runs on its battery while it does, and nothing else', async () => {
  const clock = new ManualClock()
  const changed = vi.fn()
  let onBattery = false
  const watch = new BatteryWatch({ clock, changed, isOnBattery: async () => onBattery })
  await watch.start()
  expect(watch.stated).toEqual({})
  expect(changed).not.toHaveBeenCalled()

  onBattery = true
  clock.advance(30_000)
  await vi.waitFor(() => expect(watch.stated).toEqual({ onBattery: true }), 10_000)
  expect(changed).toHaveBeenCalledTimes(1)

  onBattery = false
  clock.advance(30_000)
  await vi.waitFor(() => expect(watch.stated).toEqual({}), 10_000)
  expect(changed).toHaveBeenCalledTimes(2)

  await watch.stop()
  onBattery = true
  clock.advance(60_000)
  await Promise.resolve()
  expect(changed).toHaveBeenCalledTimes(2)
})
