/** What this node needs and lacks, for a person who asks what is wrong. */

import * as z from 'zod'
import type { Adoption } from '../interface/adoption.ts'
import type { Clock } from '../interface/clock.ts'
import type { LumosNode } from '../interface/node.ts'
import type { OwnSettings } from '../interface/settings.ts'
import { deviceFindings, Finding, nodeFindings } from '../node/doctor/index.ts'
import { defineUnit } from './define-unit.ts'

export interface DoctorFacts {
  readonly clock: Clock
  readonly settings?: OwnSettings | undefined
  refusedOrigins?(): readonly string[]
  readonly adoption?: Adoption | undefined
}

export const doctorUnits = (node: LumosNode, { clock, settings, refusedOrigins, adoption }: DoctorFacts) => [
  defineUnit({
    name: 'doctor.check',
    kind: 'query',
    permission: 'read',
    summary:
      'What this node needs: whether it has it, what to do where it lacks it, and which unit does that.',
    input: z.strictObject({}),
    output: z.strictObject({ items: z.array(Finding) }),
    async run(_, { caller }) {
      // Which pages the user has open, and where the home lies, is for those who may change the node.
      const trusted = caller.permissions.includes('manage')
      const own = trusted && settings !== undefined ? await deviceFindings(settings, clock.wallMs()) : []
      const origins = trusted ? (refusedOrigins?.() ?? []) : []
      return { items: [...own, ...(await nodeFindings(node, origins, adoption?.list() ?? []))] }
    }
  })
]
