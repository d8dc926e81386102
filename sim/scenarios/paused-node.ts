/** A provider stands still for some seconds, as a laptop whose lid is closed, and goes on. */

import { codesOf, Load, quantile } from '../load.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'

const PAUSED_MS = 4000

export const pausedNode: Scenario = {
  name: 'paused-node',
  question: 'Are requests answered while a provider stands still, and does it take part again afterwards?',
  nodes: 5,
  configure: index => ({ settings: { 'engines.echo': index > 0 } }),

  async run(stage) {
    await stage.assemble()
    const load = new Load(stage, { askers: [0], atOnce: 3, pauseMs: 20 })
    await stage.until('the first answers are there', () => load.answers.length >= 10, 10_000)
    const favourite = load.answers.at(-1)?.peerId
    const node = stage.nodes.findIndex(({ peerId }) => peerId === favourite)
    await stage.inflict({ kind: 'pause', node })
    await stage.pause(PAUSED_MS)
    const during = load.answers.length
    await stage.inflict({ kind: 'resume', node })
    const answers = await load.end()
    stage.must(`nothing fails, not ${codesOf(load.failed)}`, load.failed.length === 0)
    await recover(stage, 30_000)
    return [
      { metric: 'requests', value: answers.length, unit: '' },
      { metric: 'answered while it stood still', value: during, unit: '' },
      {
        metric: 'longest wait',
        value: quantile(
          answers.map(({ durationMs }) => durationMs),
          1
        ),
        unit: 'ms'
      }
    ]
  }
}
