/** Five times as much is asked as the mesh can do. */

import { codesOf, Load, type LoadOptions, quantile } from '../load.ts'
import { slowModel } from '../models.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

const SLOTS = 2
const PROVIDERS = 2
const WORD_MS = 40
/** An answer takes 400 ms, so the two providers do ten a second. */
const WORDS = 'ten words that all take their time to be said'
const OVER = 5
/** What may wait is two seconds of work: queues are full by then. */
const SETTLE_MS = 1500
const MEASURED_MS = 4000
const GOODPUT_MIN = 0.9
const REJECT_MS = 50

export const overload: Scenario = {
  name: 'overload',
  question:
    'Does a mesh that is asked five times what it can do still do nearly all it can, and refuse the rest at once?',
  nodes: 5,
  configure: index => ({
    settings: { 'engines.echo': false },
    models: index < PROVIDERS ? [slowModel(WORD_MS, SLOTS, 'echo')] : []
  }),

  async run(stage) {
    await stage.assemble()
    const askers = stage.running.slice(PROVIDERS)
    const peak = await measured(stage, { askers, atOnce: Math.ceil((SLOTS * PROVIDERS) / askers.length) + 1 })
    const over = await measured(stage, { askers, perSecond: (peak.perSecond * OVER) / askers.length })
    stage.must('somebody is refused', over.refused.length > 0)
    const share = over.perSecond / peak.perSecond
    stage.must(
      `the goodput stays above 90 % of the peak, not ${(share * 100).toFixed(0)} %`,
      share * stage.slowness >= GOODPUT_MIN
    )
    const others = over.refused.filter(({ code }) => code !== 'OVERLOADED')
    stage.must(`what is refused is OVERLOADED, not ${codesOf(others)}`, others.length === 0)
    stage.must(
      'who is refused is told when to come back',
      over.refused.every(({ retryAfterMs }) => (retryAfterMs ?? 0) > 0)
    )
    const rejectMs = quantile(
      over.refused.map(({ durationMs }) => durationMs),
      0.5
    )
    stage.must(
      `half of the refusals take ${REJECT_MS} ms at most, not ${Math.round(rejectMs)}`,
      rejectMs <= stage.promised(REJECT_MS)
    )
    return [
      { metric: 'peak', value: peak.perSecond, unit: '1/s' },
      { metric: 'at five times that', value: over.perSecond, unit: '1/s' },
      { metric: 'refused', value: over.refused.length, unit: '' },
      { metric: 'median refusal', value: rejectMs, unit: 'ms' },
      {
        metric: 'p99 refusal',
        value: quantile(
          over.refused.map(({ durationMs }) => durationMs),
          0.99
        ),
        unit: 'ms'
      }
    ]
  }
}

async function measured(stage: Stage, options: LoadOptions) {
  const load = new Load(stage, { ...options, pauseMs: 5, question: { words: WORDS } })
  await stage.pause(SETTLE_MS)
  const fromMs = stage.elapsedMs
  const before = load.answers.length
  await stage.pause(MEASURED_MS)
  const during = load.answers.slice(before)
  const seconds = (stage.elapsedMs - fromMs) / 1000
  await load.end()
  const answered = during.filter(({ code }) => code === undefined)
  return { perSecond: answered.length / seconds, refused: during.filter(({ code }) => code !== undefined) }
}
