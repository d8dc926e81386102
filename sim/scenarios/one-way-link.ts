/** What one node sends to another is swallowed; what it receives arrives. Its other links are well. */

import { codesOf, Load, quantile } from '../load.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'

/** A dead path is noticed within 15 s, by three pings within their timeout; then another peer is asked. */
const NOTICED_MS = 20_000

export const oneWayLink: Scenario = {
  name: 'one-way-link',
  question: 'Is a node answered that is heard by some peers whom it cannot reach?',
  nodes: 5,
  configure: index => ({ settings: { 'engines.echo': index > 0 } }),

  async run(stage) {
    await stage.assemble()
    const load = new Load(stage, { askers: [0], atOnce: 2, question: { budgetMs: 60_000 } })
    await stage.until('the first answers are there', () => load.answers.length >= 10, 10_000)
    // Whom it likes best is among those that it cannot reach any more; one other peer is left.
    const favourite = stage.nodes.findIndex(({ peerId }) => peerId === load.answers.at(-1)?.peerId)
    const left = stage.running.find(index => index !== 0 && index !== favourite)
    const deaf = stage.running.filter(index => index !== 0 && index !== left)
    await stage.inflict({ kind: 'link', from: [0], to: deaf, state: 'blackhole' })
    const brokenMs = stage.elapsedMs
    await stage.until(
      'answers go on',
      () => load.since(brokenMs).filter(({ code }) => !code).length >= 20,
      60_000
    )
    const answers = await load.end()
    const waitedMs = quantile(
      answers.map(({ durationMs }) => durationMs),
      1
    )
    stage.must(
      `nothing fails, not ${codesOf(load.failed)}`,
      load.failed.every(({ code }) => code === 'STREAM_INTERRUPTED')
    )
    stage.must(
      `nobody waits longer than ${NOTICED_MS} ms, as ${Math.round(waitedMs)}`,
      waitedMs < stage.promised(NOTICED_MS)
    )
    await recover(stage, 30_000)
    return [
      { metric: 'requests', value: answers.length, unit: '' },
      { metric: 'longest wait', value: waitedMs, unit: 'ms' }
    ]
  }
}
