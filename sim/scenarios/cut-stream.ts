/** A long answer loses its provider in the middle: by a crash, a reset, or a power cut. */

import { slowModel } from '../models.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

const WORDS = 400
const WORD_MS = 20

export const cutStream: Scenario = {
  name: 'cut-stream',
  question: 'Does a cut answer say that it was cut, and after how much?',
  nodes: 4,
  configure: () => ({ models: [slowModel(WORD_MS, 4)] }),

  async run(stage) {
    await stage.assemble()
    const words = 'word '.repeat(WORDS).trim()
    const ask = (server: number) => {
      const answer = stage.ask(0, { model: 'slow', peer: stage.node(server).peerId, words })
      const begun = stage.until(
        `the answer of node-${server} has begun`,
        () => chunksFrom(stage, server) > 5,
        10_000
      )
      return begun.then(() => ({ answer }))
    }

    const killed = await ask(1)
    await stage.inflict({ kind: 'crash', node: 1, how: 'kill' })
    const reset = await ask(2)
    await stage.inflict({ kind: 'reset', from: [0], to: [2] })
    const stopped = await ask(3)
    await stage.inflict({ kind: 'stop', node: 3 })

    for (const [how, { answer }] of Object.entries({ killed, reset, stopped })) {
      const { code, text } = await answer
      stage.must(
        `an answer whose provider was ${how} ends with STREAM_INTERRUPTED, not ${code}`,
        code === 'STREAM_INTERRUPTED'
      )
      stage.must(
        `of an answer whose provider was ${how} a part came`,
        text.length > 0 && text.length < words.length
      )
    }
    await recover(stage, 15_000)
    return [{ metric: 'answers cut', value: 3, unit: '' }]
  }
}

const chunksFrom = (stage: Stage, server: number): number => {
  const routed = stage.history.of('routed').findLast(({ peerId }) => peerId === stage.node(server).peerId)
  return stage.history.of('chunk').filter(({ id }) => id === routed?.id).length
}
