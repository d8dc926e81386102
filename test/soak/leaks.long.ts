/** A soak of a minute, in which a node leaks memory, listeners and descriptors on purpose. */

import { describe, expect, it } from 'vitest'
import { passes, reportOf } from '../../soak/report.ts'
import { soak } from '../../soak/soak.ts'
import { LIMITS } from '../../soak/verdict.ts'

const TIMEOUT_MS = 180_000
const SHORT = { hours: 60 / 3600, nodes: 3, seed: 7, load: 'calls' as const }

describe('a soak', () => {
  it('finds what a node leaks on purpose', { timeout: TIMEOUT_MS }, async () => {
    const module = new URL('./leaky-member.ts', import.meta.url)
    const judged = new AbortController()
    const record = await soak({
      ...SHORT,
      module,
      signal: judged.signal,
      onRound: ({ verdicts }) => verdicts.length === LIMITS.length && judged.abort()
    })
    const leaked = new Map(record.verdicts.map(verdict => [verdict.metric, verdict]))

    // A sixth of what is planted: each measurement stops the node, and a busy machine makes its timers late.
    expect(leaked.get('heapMB')).toMatchObject({ result: 'rising' })
    expect(leaked.get('heapMB')!.slope.perHour).toBeGreaterThan(1800)
    expect(leaked.get('listeners')!.slope.perHour).toBeGreaterThan(60_000)
    expect(leaked.get('listeners')).toMatchObject({ result: 'rising' })
    expect(leaked.get('descriptors')!.slope.perHour).toBeGreaterThan(1200)
    expect(leaked.get('descriptors')).toMatchObject({ result: 'rising' })
    expect(passes(record)).toBe(false)
    expect(reportOf(record)).toContain('MaxListenersExceededWarning')
  })
})
