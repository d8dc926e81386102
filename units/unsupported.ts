/** What programs may ask for by its name, and no node does: it says why, and what does it. */

import type * as z from 'zod'
import { LumosError } from '../interface/errors.ts'
import type { Unit } from '../interface/units.ts'
import { defineUnit } from './define-unit.ts'

interface Unsupported<I extends z.ZodType, O extends z.ZodType>
  extends Pick<Unit<I, O>, 'name' | 'permission' | 'summary' | 'input' | 'output' | 'examples'> {
  readonly reason: string
  readonly hint?: string
}

export const unsupported = <I extends z.ZodType, O extends z.ZodType>({
  reason,
  hint,
  ...unit
}: Unsupported<I, O>): Unit =>
  defineUnit({
    ...unit,
    kind: 'command',
    idempotent: true,
    async run() {
      throw new LumosError('NOT_SUPPORTED', reason, { hint })
    }
  })
