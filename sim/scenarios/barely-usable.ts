/** Every link is one that nobody should call a link. */

import { codesOf, quantile } from '../load.ts'
import type { Scenario } from '../scenario.ts'

export const barelyUsable: Scenario = {
  name: 'barely-usable',
  question: 'Does a mesh come together, and answer, over links that are barely usable?',
  nodes: 5,
  acquaintances: 2,
  link: 'barely-usable',

  async run(stage) {
    const assembledMs = await stage.assemble(90_000)
    stage.note(`everyone knows everyone after ${Math.round(assembledMs)} ms`)
    const asked = stage.running.map((index, i) => {
      const other = stage.running[(i + 1) % stage.running.length]!
      return stage.ask(index, { peer: stage.node(other).peerId, budgetMs: 60_000 })
    })
    const answers = await Promise.all(asked)
    const failed = answers.filter(({ code }) => code !== undefined)
    stage.must(`everyone is answered, not ${codesOf(failed)}`, failed.length === 0)
    return [
      { metric: 'everyone known', value: assembledMs, unit: 'ms' },
      {
        metric: 'slowest answer',
        value: quantile(
          answers.map(({ durationMs }) => durationMs),
          1
        ),
        unit: 'ms'
      }
    ]
  }
}
