/** What a token takes: over recorded counters, so that no test knows on which machine it runs. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { processorJoules } from '../../capabilities/device-metrics.ts'
import { EnergyMeter } from '../../capabilities/energy.ts'
import { echoModel } from '../../capabilities/index.ts'
import { systemClock } from '../../interface/clock.ts'
import { prepare } from '../../interface/prepare.ts'
import { registryOf } from './parts.ts'

function metered(readings: readonly (number | undefined)[]) {
  const left = [...readings]
  let nowMs = 0
  const clock = { monotonicMs: () => nowMs }
  const meter = new EnergyMeter({ clock, joules: async () => left.shift() })
  return {
    meter,
    left,
    pass(ms: number) {
      nowMs += ms
    }
  }
}

it('is what the processors use while answers overlap, by the tokens of all of them', async () => {
  const { meter, left } = metered([100, 110, 200, 205, 300, 299])
  meter.begin()
  meter.begin()
  meter.end('m', 40)
  expect(meter.of('m')).toBeUndefined()
  meter.end('m', 10)
  await setImmediate()
  expect(meter.of('m')).toBe(0.2)
  // A later one moves the figure.
  meter.begin()
  meter.end('m', 50)
  await setImmediate()
  expect(meter.of('m')).toBe(0.17)
  // The counter has begun anew.
  meter.begin()
  meter.end('m', 50)
  await setImmediate()
  expect([meter.of('m'), left.length]).toEqual([0.17, 0])
})

it('is not known of few tokens, nor of two models at once', async () => {
  const { meter } = metered([0, 100, 200, 300])
  meter.begin()
  meter.end('m', 15)
  await setImmediate()
  meter.begin()
  meter.begin()
  meter.end('m', 100)
  meter.end('other', 100)
  await setImmediate()
  expect([meter.of('m'), meter.of('other')]).toEqual([undefined, undefined])
})

it('is measured on a machine that never rests, and not looked for again where it cannot be read', async () => {
  const busy = metered([0, 60, 60])
  busy.meter.begin()
  busy.meter.begin()
  busy.pass(60_000)
  busy.meter.end('m', 60)
  await setImmediate()
  expect(busy.meter.of('m')).toBe(1)

  const silent = metered([undefined, undefined, 5, 6])
  for (let i = 0; i < 3; i++) {
    silent.meter.begin()
    silent.meter.end('m', 100)
    await setImmediate()
  }
  expect(silent.left).toEqual([5, 6])
})

it('stands with a model that this device answers with, and not with one outside the mesh', async () => {
  const root = mkdtempSync(join(tmpdir(), 'lumos-rapl-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const zone = join(root, 'sys/class/powercap/intel-rapl:0')
  mkdirSync(zone, { recursive: true })
  let microjoules = 1_000_000
  let reading: Promise<number | undefined> = Promise.resolve(undefined)
  const energy = new EnergyMeter({
    clock: systemClock,
    joules: () => {
      reading = reading.then(() => {
        microjoules += 8_000_000
        writeFileSync(join(zone, 'energy_uj'), `${microjoules}\n`)
        return processorJoules(root)
      })
      return reading
    }
  })
  const outside = { ...echoModel({ clock: systemClock }), id: 'outside', leavesMesh: true }
  const registry = registryOf([echoModel({ clock: systemClock }), outside], { energy })
  const content = Array.from({ length: 20 }, (_, i) => `w${i}`).join(' ')
  const input = { messages: [{ role: 'user', content }] }
  for (const model of ['echo', 'outside'])
    await Array.fromAsync(
      registry.infer(prepare({ id: 'r', task: 'text-generation', model, input, params: {}, budgetMs: 1000 }))
    )
  await expect
    .poll(() => registry.capabilities().map(({ joulesPerToken }) => joulesPerToken))
    .toEqual([0.4, 0.4, undefined, undefined])
  await registry.stop()
})
