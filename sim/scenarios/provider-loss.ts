/** One device asks; all others can answer, until one after the other dies. */

import { codesOf, Load, quantile } from '../load.ts'
import { pick } from '../random.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'

/** What failing over before the first chunk may add to the time of an answer. */
const FAILOVER_MS = 2000

export const providerLoss: Scenario = {
  name: 'provider-loss',
  question: 'Is a request answered although all providers but one die, one after the other?',
  nodes: 6,
  link: 'good-wifi',
  configure: index => ({ settings: { 'engines.echo': index > 0 } }),

  async run(stage) {
    await stage.assemble()
    // Two times four losses: more retries than a node spends in so short a time would be refused, as they should.
    const load = new Load(stage, { askers: [0], atOnce: 2 })
    await stage.until('the first answers are there', () => load.answers.length >= 20, 10_000)

    const survivor = pick(stage.running.slice(1), stage.random)
    for (const node of stage.running.slice(1)) {
      if (node === survivor) continue
      await stage.inflict({ kind: 'crash', node, how: 'kill' })
      // Faster than that, three in a row would use up all attempts of one request.
      const { peerId } = stage.node(node)
      await stage.until('the loss is noticed', () => !stage.view(0).peers.includes(peerId), 10_000)
      const noticedMs = stage.elapsedMs
      await stage.until('what it was asked has ended', () => load.isOverUntil(noticedMs), 10_000)
    }
    const goneMs = stage.elapsedMs
    await stage.until('the survivor answers', () => load.since(goneMs).length >= 20, 10_000)
    const answers = await load.end()

    // An answer that had begun cannot be begun again, and says so.
    const failed = load.failed.filter(({ code }) => code !== 'STREAM_INTERRUPTED')
    stage.must(`only answers that had begun fail, not ${codesOf(failed)}`, failed.length === 0)
    const slowestMs = quantile(
      answers.map(({ durationMs }) => durationMs),
      1
    )
    stage.must(`nobody waits longer than ${FAILOVER_MS} ms more`, slowestMs < stage.promised(FAILOVER_MS))
    await recover(stage, 15_000)
    return [
      { metric: 'requests', value: answers.length, unit: '' },
      { metric: 'answers that were cut', value: load.failed.length, unit: '' },
      {
        metric: 'median answer',
        value: quantile(
          answers.map(({ durationMs }) => durationMs),
          0.5
        ),
        unit: 'ms'
      },
      { metric: 'slowest answer', value: slowestMs, unit: 'ms' }
    ]
  }
}
