/** How a machine is doing, by what its node says of itself. */

import * as z from 'zod'
import type { HealthStatus } from './device.ts'
import type { NodeStatus } from './status.ts'

export const HealthIssue = z.strictObject({ code: z.string(), message: z.string() })
export type HealthIssue = z.infer<typeof HealthIssue>

const YIELDS = {
  cpu: 'Other programs use the processors; requests of other devices are refused meanwhile.',
  memory: 'Other programs wait for memory; requests of other devices are refused meanwhile.',
  battery: 'The battery is low; requests of other devices are refused meanwhile.'
}

export function healthOf({
  storage,
  yielding,
  drained
}: Pick<NodeStatus, 'storage' | 'yielding' | 'drained'>): {
  readonly status: HealthStatus
  readonly issues: HealthIssue[]
} {
  const issues = yielding.map(reason => ({ code: `yielding_${reason}`, message: YIELDS[reason] }))
  if (drained) issues.push({ code: 'drained', message: 'It was told to refuse requests of other devices.' })
  if (storage === 'full')
    issues.push({ code: 'storage_full', message: 'The disk is full: nothing new is stored.' })
  if (storage === 'failing') issues.push({ code: 'storage_failing', message: 'The disk fails to store.' })
  const status = storage === 'failing' ? 'failing' : issues.length > 0 ? 'degraded' : 'healthy'
  return { status, issues }
}
