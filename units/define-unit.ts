/** Checks a unit's types against its schemas where it is written; the registry keeps units of all shapes. */

import type * as z from 'zod'
import type { Unit } from '../interface/units.ts'

export const defineUnit = <I extends z.ZodType, O extends z.ZodType, T extends z.ZodType>(
  unit: Unit<I, O, T>
): Unit => unit as unknown as Unit
