/** Metrics of a node as a unit: HTTP has it under `/metrics`, too. */

import * as z from 'zod'
import { exposition, type Family } from '../../interface/metrics.ts'
import type { LumosNode } from '../../interface/node.ts'
import { defineUnit } from '../define-unit.ts'
import { stateReader } from './read.ts'

export const METRICS_UNIT = 'node.metrics'

export function metricUnits(node: LumosNode, calls: () => Family) {
  const state = stateReader(node)
  return [
    defineUnit({
      name: METRICS_UNIT,
      kind: 'query',
      permission: 'read',
      summary: 'Metrics of this node in the text format of Prometheus.',
      input: z.strictObject({}),
      output: z.strictObject({ text: z.string() }),
      run: async () => ({ text: exposition([...state(), ...node.metrics.families(), calls()]) })
    })
  ]
}
