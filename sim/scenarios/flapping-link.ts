/** All links of one node go down and up again, faster than anyone would like. */

import { codesOf, Load } from '../load.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'

const FLAPPING_MS = 6000

export const flappingLink: Scenario = {
  name: 'flapping-link',
  question: 'Does a mesh go on while one of its nodes comes and goes, and take it back in the end?',
  nodes: 5,
  link: 'good-wifi',
  configure: index => ({ settings: { 'engines.echo': index !== 0 } }),

  async run(stage) {
    await stage.assemble()
    const load = new Load(stage, { askers: [0, 1], pauseMs: 20 })
    await stage.inflict({
      kind: 'flap',
      from: [2],
      to: 'all',
      both: true,
      state: 'down',
      upMs: 900,
      downMs: 600
    })
    await stage.pause(FLAPPING_MS)
    await load.end()
    const failed = load.failed.filter(({ code }) => code !== 'STREAM_INTERRUPTED')
    stage.must(`who can ask others is answered, not ${codesOf(failed)}`, failed.length === 0)
    const agreedMs = await recover(stage, 30_000)
    const left = stage.history.events('peer.left').length
    return [
      { metric: 'requests', value: load.answers.length, unit: '' },
      { metric: 'answers cut', value: load.failed.length, unit: '' },
      { metric: 'connections lost', value: left, unit: '' },
      { metric: 'all agree after', value: agreedMs, unit: 'ms' }
    ]
  }
}
