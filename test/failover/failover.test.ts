/** One run of `npm run failover`. */

import { expect, it } from 'vitest'
import { Arena } from './arena.ts'

/** Two nodes start, each with its engine: seconds on a quiet machine. */
const RUN_MS_MAX = 120_000
/** Far above what is promised for a quiet machine: the tests share theirs. */
const GAP_MS_MAX = 5000

it('a device that is killed in the middle of an answer costs nothing of it but a pause', {
  timeout: RUN_MS_MAX
}, async ({ signal }) => {
  await using arena = await Arena.open('tiny-llm', signal)
  const { gapMs } = await arena.cut(0, 'middle', signal)
  expect(gapMs).toBeLessThan(GAP_MS_MAX)
})
