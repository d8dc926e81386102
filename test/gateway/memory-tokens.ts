/** Named tokens that are kept in memory, with secrets that a test can read. */

import { NamedTokens } from '../../gateway/index.ts'
import { type Clock, systemClock } from '../../interface/clock.ts'
import type { Logger } from '../../interface/lifecycle.ts'
import type { TokenRecord } from '../../interface/tokens.ts'

export function memoryTokens(clock: Clock = systemClock) {
  const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }
  const writes: (readonly TokenRecord[])[] = []
  let made = 0
  const store = {
    read: () => writes.at(-1) ?? [],
    write: (tokens: readonly TokenRecord[]) => void writes.push(tokens),
    newSecret: () => `lumos_${++made}`
  }
  return { tokens: new NamedTokens({ store, clock, log }), store, writes }
}
