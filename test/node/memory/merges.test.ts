import { describe, expect, it } from 'vitest'
import { DOC_KINDS } from '../../../interface/memory.ts'
import { seededRandom } from '../../../sim/random.ts'
import { runEveryOrder, runSchedule } from './schedules.ts'

/** 2,004 for all kinds together; `npm run merges` runs 100,000. */
const SCHEDULES = 334

describe('merging', () => {
  it.each(DOC_KINDS)('%s: every order of a few envelopes gives the same content', kind => {
    for (const start of [0, 1, 2, 5, 9]) expect(runEveryOrder(kind, start)).toBeGreaterThan(5)
  })

  it.each(DOC_KINDS)(
    '%s: devices that met have the same content, with lost, repeated and reordered envelopes, restarts and exclusions',
    kind => {
      for (let seed = 0; seed < SCHEDULES; seed++) {
        try {
          runSchedule(kind, seededRandom(seed))
        } catch (err) {
          throw new Error(`seed ${seed}: ${(err as Error).message}`, { cause: err })
        }
      }
    },
    60_000
  )
})
