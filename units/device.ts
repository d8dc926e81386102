/** The machine of this node. Fields are named as in other platforms of this kind. */

import * as z from 'zod'
import { Device, DeviceId, DeviceInfo, DeviceMetrics, HealthStatus } from '../interface/device.ts'
import { HealthIssue, healthOf } from '../interface/health.ts'
import type { LumosNode } from '../interface/node.ts'
import { defineUnit } from './define-unit.ts'
import { unsupported } from './unsupported.ts'

/** More than any part of a machine takes. */
const WATTS_MAX = 10_000

const Wanted = z.strictObject({ deviceId: DeviceId.optional() })
const Devices = z.strictObject({ devices: z.array(Device) })
const ONE = [{ input: { device_id: 'cpu' } }]

export const deviceUnits = (node: LumosNode) => [
  defineUnit({
    name: 'device.list',
    kind: 'query',
    permission: 'read',
    summary: 'The processor and the accelerators of this machine.',
    input: z.strictObject({}),
    output: Devices,
    run: async () => ({ devices: node.device.list() })
  }),
  defineUnit({
    name: 'device.detect',
    kind: 'command',
    permission: 'manage',
    idempotent: true,
    summary: 'Look for processors and accelerators again. The manifest keeps what was found at the start.',
    input: z.strictObject({}),
    output: Devices,
    run: async (_, { signal }) => ({ devices: await node.device.detect({ signal }) })
  }),
  defineUnit({
    name: 'device.info',
    kind: 'query',
    permission: 'read',
    summary: 'One device of this machine, its processor unless another is named.',
    input: Wanted,
    examples: ONE,
    output: DeviceInfo,
    run: async ({ deviceId }) => node.device.info(deviceId)
  }),
  defineUnit({
    name: 'device.metrics',
    kind: 'query',
    permission: 'read',
    summary: 'How busy and how warm a device is, and what it takes, where the system tells that.',
    input: Wanted,
    examples: ONE,
    output: DeviceMetrics,
    run: ({ deviceId }) => node.device.metrics(deviceId)
  }),
  defineUnit({
    name: 'device.health',
    kind: 'query',
    permission: 'read',
    summary: 'Whether this machine serves as it should, and why it does not.',
    input: Wanted,
    examples: ONE,
    output: z.strictObject({ status: HealthStatus, issues: z.array(HealthIssue) }),
    async run({ deviceId }) {
      node.device.info(deviceId)
      return healthOf(node.status())
    }
  }),
  unsupported({
    name: 'device.set_power_limit',
    permission: 'manage',
    summary: 'Limit the watts of a device. Not supported: a node changes no setting of its machine.',
    reason: 'A node changes no setting of its machine: a power limit needs its administrator.',
    hint: 'nvidia-smi --power-limit, or the tool of the vendor.',
    input: z.strictObject({ deviceId: DeviceId, limitWatts: z.number().positive().max(WATTS_MAX) }),
    output: z.strictObject({ success: z.boolean() }),
    examples: [{ input: { device_id: 'gpu0', limit_watts: 150 } }]
  })
]
