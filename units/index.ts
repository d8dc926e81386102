/** Every operation of a node, once: all its faces reach it through the registry made here. */

import type { Adoption } from '../interface/adoption.ts'
import { newAnswerId } from '../interface/answers.ts'
import type { LumosNode } from '../interface/node.ts'
import { deviceUnits } from './device.ts'
import { engineUnits } from './engine.ts'
import { eventUnits } from './event.ts'
import { gatewayUnits } from './gateway.ts'
import { inferenceUnits } from './inference/index.ts'
import { jobUnits } from './job.ts'
import { membershipUnits } from './membership.ts'
import { memoryUnits } from './memory/index.ts'
import { meshUnits } from './mesh.ts'
import { modelUnits } from './model.ts'
import { nodeUnits } from './node.ts'
import { pairingUnits } from './pairing.ts'
import { pullUnits } from './pull.ts'
import { UnitRegistry } from './registry.ts'
import { resourceUnits } from './resource.ts'
import { serviceUnits } from './service.ts'
import { wakeUnits } from './wake.ts'
import { weightUnits } from './weights.ts'

export { inputBytesMaxOf, UnitRegistry } from './registry.ts'

export interface UnitsOptions {
  readonly node: LumosNode
  /** Where other programs reach this node, once they can. */
  gatewayUrl(): string | undefined
  /** Origins of pages that the gateway refused lately; absent: it has none. */
  refusedOrigins?(): readonly string[]
  /** Replaces the gateway's token; returns how many sessions have ended. */
  rotateToken(): number
  /** The ports of other programs that the gateway takes; absent: none. */
  readonly adoption?: Adoption
  /** Begins to stop the whole process; returns at once. */
  stop(): void
}

export function createUnits({ node, rotateToken, stop, ...gateway }: UnitsOptions): UnitRegistry {
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
    ...inferenceUnits(node),
    ...eventUnits(node),
    ...jobUnits(node),
    ...gatewayUnits({ rotateToken, adoption: gateway.adoption }),
    ...nodeUnits(stop)
  ]
  for (const unit of units) registry.register(unit)
  return registry
}
