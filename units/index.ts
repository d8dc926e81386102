/** Every operation of a node, once: all its faces reach it through the registry made here. */

import { newAnswerId } from '../interface/answers.ts'
import { type Clock, systemClock } from '../interface/clock.ts'
import type { OwnLog } from '../interface/log.ts'
import type { LumosNode } from '../interface/node.ts'
import type { OwnSettings } from '../interface/settings.ts'
import type { Tokens } from '../interface/tokens.ts'
import { configUnits } from './config.ts'
import { deviceUnits } from './device.ts'
import { doctorUnits } from './doctor.ts'
import { engineUnits } from './engine.ts'
import { eventUnits } from './event.ts'
import { type GatewayParts, gatewayUnits } from './gateway.ts'
import { inferenceUnits } from './inference/index.ts'
import { jobUnits } from './job.ts'
import { logUnits } from './log.ts'
import { mcpUnits } from './mcp.ts'
import { membershipUnits } from './membership.ts'
import { memoryUnits } from './memory/index.ts'
import { meshUnits } from './mesh.ts'
import { metricUnits } from './metrics/index.ts'
import { modelUnits } from './model.ts'
import { nodeUnits } from './node.ts'
import { pairingUnits } from './pairing.ts'
import { pullUnits } from './pull.ts'
import { UnitRegistry } from './registry.ts'
import { resourceUnits } from './resource.ts'
import { addressUnits } from './resources/index.ts'
import { serviceUnits } from './service.ts'
import { tokenUnits } from './token.ts'
import { wakeUnits } from './wake.ts'
import { weightUnits } from './weights.ts'

export { METRICS_UNIT } from './metrics/index.ts'
export { checkPermission, inputBytesMaxOf, mayCall, UnitRegistry } from './registry.ts'

export interface UnitsOptions extends GatewayParts {
  readonly node: LumosNode
  /** Where other programs reach this node, once they can. */
  gatewayUrl(): string | undefined
  /** Origins of pages that the gateway refused lately; absent: it has none. */
  refusedOrigins?(): readonly string[]
  /** Absent: the gateway has no tokens but its own. */
  readonly tokens?: Tokens
  /** Begins to stop the whole process; returns at once. */
  stop(): void
  /** Default: that of the system. */
  readonly clock?: Clock
  /** Those of the node's process. Absent: a program keeps them for its node. */
  readonly settings?: OwnSettings
  readonly log?: OwnLog
}

export function createUnits(options: UnitsOptions): UnitRegistry {
  const { node, tokens, stop, clock = systemClock, settings, log, ...gateway } = options
  const registry = new UnitRegistry(() => newAnswerId(node.peerId), node.remote)
  const units = [
    ...meshUnits(node, gateway),
    ...membershipUnits(node),
    ...pairingUnits(node),
    ...wakeUnits(node),
    ...modelUnits(node),
    ...pullUnits(node),
    ...weightUnits(node),
    ...serviceUnits(node),
    ...memoryUnits(node),
    ...engineUnits(node),
    ...deviceUnits(node),
    ...resourceUnits(node),
    ...addressUnits(registry, node, clock),
    ...inferenceUnits(node),
    ...eventUnits(node),
    ...jobUnits(node),
    ...mcpUnits(node),
    ...gatewayUnits(gateway),
    ...(tokens === undefined ? [] : tokenUnits(tokens)),
    ...metricUnits(node, () => registry.calls.family),
    ...configUnits(settings),
    ...doctorUnits(node, { clock, settings, ...gateway }),
    ...logUnits(log),
    ...nodeUnits(node, stop)
  ]
  for (const unit of units) registry.register(unit)
  return registry
}
