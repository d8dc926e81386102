/** One of several providers is a hundred times slower than the others; nobody is told. */

import { type Asked, codesOf, Load, quantile } from '../load.ts'
import { slowModel } from '../models.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

const WORD_MS = 1
const SLOWER = 100
const SLOW = 4
/** Of the traffic, once it has been noticed. */
const SHARE_MAX = 0.02
/** Long enough that it is noticed, and tried again. */
const SETTLE_MS = 1500
const NOISE = 3
const NOISE_MS = 200
const MEASURED_MS = 2500

export const slowPeer: Scenario = {
  name: 'slow-peer',
  question:
    'Is a peer that is a hundred times slower than the others left alone, and do the others answer as before?',
  nodes: 5,
  configure: index => ({
    settings: { 'engines.echo': false },
    // The last one is slow; the first only asks.
    models: index === 0 ? [] : [slowModel(index === SLOW ? WORD_MS * SLOWER : WORD_MS, 8, 'echo')]
  }),

  async run(stage) {
    await stage.assemble()
    await stage.inflict({ kind: 'stop', node: SLOW })
    const before = await measured(stage)
    await stage.inflict({ kind: 'restart', node: SLOW })
    await stage.agree('the slow one is there', 15_000)
    const during = await measured(stage)

    const { peerId } = stage.node(SLOW)
    const share = during.filter(answer => answer.peerId === peerId).length / during.length
    const p99 = (answers: readonly Asked[]) =>
      quantile(
        answers.filter(answer => answer.peerId !== peerId).map(({ durationMs }) => durationMs),
        0.99
      )
    stage.must(
      `the slow peer gets at most 2 % of the traffic, not ${(share * 100).toFixed(1)} %`,
      share <= SHARE_MAX
    )
    stage.must(`nothing fails, not ${codesOf(during)}`, codesOf(during) === '')
    // Promised are 10 %, which only a machine with nothing else to do can tell from noise.
    stage.must('the others are not held up', p99(during) < NOISE * p99(before) + NOISE_MS)
    return [
      { metric: 'requests', value: during.length, unit: '' },
      { metric: 'share of the slow peer', value: share * 100, unit: '%' },
      { metric: 'p99 of the others without it', value: p99(before), unit: 'ms' },
      { metric: 'p99 of the others with it', value: p99(during), unit: 'ms' }
    ]
  }
}

/** What is asked once it has been noticed who is slow. */
async function measured(stage: Stage): Promise<readonly Asked[]> {
  const load = new Load(stage, { askers: [0], atOnce: 6 })
  await stage.pause(SETTLE_MS)
  const fromMs = stage.elapsedMs
  await stage.pause(MEASURED_MS)
  await load.end()
  return load.since(fromMs)
}
