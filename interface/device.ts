/** The machine of a node: what it is made of, and how it is doing. */

import * as z from 'zod'
import type { AbortOptions } from './lifecycle.ts'

export const DeviceId = z
  .string()
  .max(32)
  .regex(/^[a-z]+\d*$/, 'such as cpu or gpu0')

export const Device = z.strictObject({
  /** `cpu` for the processor with the memory of the machine; else its type with a number. */
  id: z.string(),
  name: z.string(),
  vendor: z.string().nullable(),
  type: z.enum(['cpu', 'gpu', 'npu']),
  /** Bytes; null where the system does not say without a driver. */
  memory: z.int().nullable()
})
export type Device = z.infer<typeof Device>

export const DeviceInfo = Device.extend({
  architecture: z.string().nullable(),
  /** Such as `cores:8`. */
  capabilities: z.array(z.string())
})
export type DeviceInfo = z.infer<typeof DeviceInfo>

/** Each is null where the system does not tell it without a program being run. */
export const DeviceMetrics = z.strictObject({
  deviceId: z.string(),
  /** Part of the processors that is used, from 0 to 1, over the last fifth of a second. */
  utilization: z.number().min(0).max(1).nullable(),
  /** In degrees Celsius. */
  temperature: z.number().nullable(),
  /** In watts: of the processor, or of all that the battery feeds. */
  power: z.number().nullable(),
  /** Bytes. */
  memoryUsed: z.int().nullable(),
  memoryTotal: z.int().nullable()
})
export type DeviceMetrics = z.infer<typeof DeviceMetrics>

export const HealthStatus = z.enum(['healthy', 'degraded', 'failing'])
export type HealthStatus = z.infer<typeof HealthStatus>

/** Each that takes an id throws {@link LumosError} `INVALID_INPUT` for one that this machine does not have. */
export interface LumosDevice {
  /** As found at the start, or when it was looked for last. */
  list(): Device[]
  /** Looks again. The manifest keeps what was found at the start. */
  detect(options?: AbortOptions): Promise<Device[]>
  /** @param id default: `cpu`. */
  info(id?: string): DeviceInfo
  /** Calls at one time share one measurement. */
  metrics(id?: string): Promise<DeviceMetrics>
}

export const DEVICE_EVENTS = {
  /** One that was not there when devices were looked for before. */
  'device.detected': z.strictObject({ device: Device }),
  'device.health_changed': z.strictObject({
    deviceId: z.string(),
    oldStatus: HealthStatus,
    newStatus: HealthStatus
  })
}
