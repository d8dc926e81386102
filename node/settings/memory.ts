/** What the settings say of models in memory. */

import type { MemoryPolicy } from '../../capabilities/index.ts'
import { keepAliveMs, memoryBytes } from '../../interface/amounts.ts'
import type { Config } from './config-schema.ts'

export const memoryPolicy = (
  { memoryMax, keepAlive, warm, pinned }: Config['models'],
  hardware: { readonly memoryBytes: number }
): MemoryPolicy => ({
  budgetBytes: memoryBytes(memoryMax, hardware.memoryBytes)!,
  keepAliveMs: keepAliveMs(keepAlive)!,
  warm,
  pinned
})
