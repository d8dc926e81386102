/** What a machine says of its load, by recorded files: no test knows on which machine it runs. */

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { DeviceMetricsReader, type MachineReadings } from '../../capabilities/device-metrics.ts'
import type { Clock } from '../../interface/clock.ts'

/** Between the two readings of a measurement these files change, and 200 ms pass. */
function machine(
  files: Readonly<Record<string, string>>,
  { later = {}, ...readings }: Partial<MachineReadings> & { later?: Record<string, string> } = {}
) {
  const root = mkdtempSync(join(tmpdir(), 'lumos-sys-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const write = (all: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(all)) {
      mkdirSync(dirname(join(root, 'sys/class', path)), { recursive: true })
      writeFileSync(join(root, 'sys/class', path), text)
    }
  }
  write(files)
  let [nowMs, waits] = [0, 0]
  const clock: Clock = {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    setTimer(task, delayMs) {
      nowMs += delayMs
      waits++
      write(later)
      queueMicrotask(task)
      return { cancel() {} }
    }
  }
  const cpus = () => [{ times: { user: nowMs / 4, nice: 0, sys: nowMs / 4, idle: nowMs / 2, irq: 0 } }]
  const memory = { memoryTotal: () => 1000, memoryAvailable: () => 400 }
  const reader = new DeviceMetricsReader(clock, { root, cpus, ...memory, ...readings })
  return { reader, waits: () => waits }
}

it('a machine says the temperature of its processor, its watts, and what is used of it', async () => {
  const { reader } = machine(
    {
      'thermal/thermal_zone0/type': 'iwlwifi_1\n',
      'thermal/thermal_zone0/temp': '61000\n',
      'thermal/thermal_zone1/type': 'x86_pkg_temp\n',
      'thermal/thermal_zone1/temp': '48500\n',
      'powercap/intel-rapl:0/energy_uj': '9000000\n',
      // A part of the package above, which is counted there.
      'powercap/intel-rapl:0:0/energy_uj': '7000000\n'
    },
    {
      later: {
        'powercap/intel-rapl:0/energy_uj': '12000000\n',
        'powercap/intel-rapl:0:0/energy_uj': '9000000\n'
      }
    }
  )
  assert.deepEqual(await reader.read(), {
    ...{ utilization: 0.5, temperature: 48.5, power: 15 },
    ...{ memoryUsed: 600, memoryTotal: 1000 }
  })
})

it('a laptop on its battery says what that gives, and a chip beside the processor its temperature', async () => {
  const { reader } = machine({
    'hwmon/hwmon0/name': 'nvme\n',
    'hwmon/hwmon0/temp1_input': '70000\n',
    'hwmon/hwmon1/name': 'k10temp\n',
    'hwmon/hwmon1/temp1_input': '52000\n',
    'power_supply/BAT0/type': 'Battery\n',
    'power_supply/BAT0/status': 'Discharging\n',
    'power_supply/BAT0/power_now': '8400000\n'
  })
  expect(await reader.read()).toMatchObject({ temperature: 52, power: 8.4 })
})

it('what a machine does not tell, or cannot be, is null', async () => {
  const { reader } = machine(
    {
      'thermal/thermal_zone0/type': 'cpu',
      'thermal/thermal_zone0/temp': '999999999999',
      'thermal/thermal_zone1/type': 'cpu',
      'thermal/thermal_zone1/temp': 'hot',
      'powercap/intel-rapl:0/energy_uj': '9000000'
    },
    // The counter has begun anew.
    { later: { 'powercap/intel-rapl:0/energy_uj': '5' }, cpus: () => [], memoryAvailable: () => 2000 }
  )
  assert.deepEqual(await reader.read(), {
    ...{ utilization: null, temperature: null, power: null },
    ...{ memoryUsed: 0, memoryTotal: 1000 }
  })
})

it('calls at one time share one measurement', async () => {
  const { reader, waits } = machine({})
  await Promise.all(Array.from({ length: 100 }, () => reader.read()))
  assert.equal(waits(), 1)
  await reader.read()
  assert.equal(waits(), 2)
})
