/** Says when the health of the machine changes: it follows from what the node says of its disk and of those it yields to. */

import { healthOf } from '../../interface/health.ts'
import type { NodeStatus } from '../../interface/status.ts'
import type { EventBus } from '../events/event-bus.ts'

export function watchHealth(
  events: EventBus,
  status: () => Pick<NodeStatus, 'storage' | 'yielding' | 'drained'>
): void {
  let oldStatus = healthOf({ storage: 'ok', yielding: [], drained: false }).status
  const look = (): void => {
    const { status: newStatus } = healthOf(status())
    if (newStatus === oldStatus) return
    events.emit('device.health_changed', { deviceId: 'cpu', oldStatus, newStatus })
    oldStatus = newStatus
  }
  events.addEventListener('node.storage_changed', look)
  events.addEventListener('node.yielding_changed', look)
  events.addEventListener('node.drain_changed', look)
}
