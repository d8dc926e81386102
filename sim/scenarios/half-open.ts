/** A provider vanishes without a word: no connection is closed, everything sent to it is swallowed. */

import { slowModel } from '../models.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'

/** As promised: while nothing is asked, and while a call is in flight. */
const IDLE_MS = 20_000
const IN_FLIGHT_MS = 5000

export const halfOpen: Scenario = {
  name: 'half-open',
  question: 'How long does a node wait for a peer that vanished without a word?',
  nodes: 4,
  configure: () => ({ models: [slowModel(50, 4)] }),

  async run(stage) {
    await stage.assemble()
    const gone = stage.node(1).peerId
    const words = 'word '.repeat(2000)
    const answer = stage.ask(0, { model: 'slow', peer: gone, words })
    await stage.until('the answer has begun', () => stage.history.of('chunk').length > 5, 10_000)

    const others = stage.running.filter(index => index > 1)
    await stage.inflict({ kind: 'crash', node: 1, how: 'power' })
    const vanishedMs = stage.elapsedMs
    const { code } = await answer
    const inFlightMs = stage.elapsedMs - vanishedMs
    stage.note(`the call in flight ended after ${Math.round(inFlightMs)} ms with ${code}`)
    stage.must(`a call in flight ends as cut, not with ${code}`, code === 'STREAM_INTERRUPTED')
    // Three pings go unanswered for 15 s before a peer is given up, for a small board may be busy for nine.
    stage.must(`a call in flight is given up within ${IDLE_MS} ms`, inFlightMs <= stage.promised(IDLE_MS))
    stage.aims(
      `a call in flight is given up within ${IN_FLIGHT_MS} ms`,
      inFlightMs <= stage.promised(IN_FLIGHT_MS)
    )
    const noticed = () =>
      others.every(
        index =>
          !stage
            .node(index)
            .peers()
            .some(({ peerId }) => peerId === gone)
      )
    await stage.until('those who asked nothing notice it', noticed, IDLE_MS)
    const idleMs = stage.elapsedMs - vanishedMs
    await stage.inflict({ kind: 'restart', node: 1 })
    await recover(stage, 30_000)
    return [
      { metric: 'noticed with a call in flight', value: inFlightMs, unit: 'ms' },
      { metric: 'noticed when idle', value: idleMs, unit: 'ms' }
    ]
  }
}
