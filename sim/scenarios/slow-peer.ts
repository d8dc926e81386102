/** One of several providers gets a hundred times slower; nobody is told. */

import { Load, quantile } from '../load.ts'
import { slowModel } from '../models.ts'
import type { Scenario } from '../scenario.ts'

const WORD_MS = 1
const SLOWER = 100
/** Of the traffic, once it has been noticed. */
const SHARE_MAX = 0.02
/** Long enough that it is noticed, and tried again. */
const SETTLE_MS = 1500
const MEASURED_MS = 2500

export const slowPeer: Scenario = {
  name: 'slow-peer',
  question:
    'Is a peer that is a hundred times slower than the others left alone, and do the others answer as before?',
  nodes: 5,
  configure: index => ({
    settings: { 'engines.echo': false },
    // The last one is slow; the first only asks.
    models: index === 0 ? [] : [slowModel(index === 4 ? WORD_MS * SLOWER : WORD_MS, 8, 'echo')]
  }),

  async run(stage) {
    await stage.assemble()
    const slow = stage.node(4).peerId
    const load = new Load(stage, { askers: [0], atOnce: 6, pauseMs: 5 })
    await stage.pause(SETTLE_MS)
    const fromMs = stage.elapsedMs
    await stage.pause(MEASURED_MS)
    await load.end()

    const answers = load.since(fromMs)
    const share = answers.filter(({ peerId }) => peerId === slow).length / answers.length
    const others = answers.filter(({ peerId }) => peerId !== slow).map(({ durationMs }) => durationMs)
    stage.must(
      `the slow peer gets at most 2 % of the traffic, not ${(share * 100).toFixed(1)} %`,
      share <= SHARE_MAX
    )
    stage.must('nothing fails', load.failed.length === 0)
    return [
      { metric: 'requests', value: answers.length, unit: '' },
      { metric: 'share of the slow peer', value: share * 100, unit: '%' },
      { metric: 'p50 of the others', value: quantile(others, 0.5), unit: 'ms' },
      { metric: 'p99 of the others', value: quantile(others, 0.99), unit: 'ms' }
    ]
  }
}
