/** Clocks that are a day wrong, either way, and jump while the mesh is up. */

import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'

const DAY_MS = 24 * 3600 * 1000

export const clockSkew: Scenario = {
  name: 'clock-skew',
  question: 'Does anybody fall out of the mesh because a clock is a day wrong, or jumps?',
  nodes: 6,

  async run(stage) {
    // Two come with a wrong clock; the others' jump once all are there.
    await stage.inflict({ kind: 'clock', node: 1, jumpMs: DAY_MS })
    await stage.inflict({ kind: 'clock', node: 2, jumpMs: -DAY_MS })
    await stage.assemble()
    await stage.inflict({ kind: 'clock', node: 3, jumpMs: DAY_MS, driftPpm: 1000 })
    await stage.inflict({ kind: 'clock', node: 4, jumpMs: -DAY_MS })
    // Who comes back meets everyone anew, with its wrong clock.
    for (const node of [3, 4]) {
      await stage.inflict({ kind: 'stop', node })
      await stage.inflict({ kind: 'restart', node })
    }
    const agreedMs = await stage.agree('all still belong together', 30_000)
    for (const index of stage.running) {
      const others = stage.running.filter(other => other !== index)
      for (const other of others) {
        const { code } = await stage.ask(index, { peer: stage.node(other).peerId })
        stage.must(`node-${index} is answered by node-${other}, and not ${code}`, code === undefined)
      }
    }
    await recover(stage, 15_000)
    return [{ metric: 'all agree after', value: agreedMs, unit: 'ms' }]
  }
}
