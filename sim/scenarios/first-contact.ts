/** Nodes that know a few others appear one after the other; soon each must know and be able to ask everyone. */

import { pick } from '../random.ts'
import type { Scenario } from '../scenario.ts'

export const firstContact: Scenario = {
  name: 'first-contact',
  question: 'Does every node come to know every other, and can it ask it?',
  nodes: 20,

  async run(stage) {
    const knownMs = await stage.assemble()
    stage.note(`everyone knows everyone ${Math.round(knownMs)} ms after the start`)

    let askedMs = 0
    for (const index of stage.running) {
      const other = pick(
        stage.running.filter(candidate => candidate !== index),
        stage.random
      )
      const { code, durationMs } = await stage.ask(index, { peer: stage.node(other).peerId })
      stage.must(`node-${index} is answered by node-${other}, and not ${code}`, code === undefined)
      askedMs += durationMs
    }

    const there = new Set(stage.nodes.map(({ peerId }) => peerId))
    const listed = stage.nodes.flatMap(node => node.models().flatMap(({ providers }) => providers))
    stage.must(
      'nobody is listed who is not there',
      listed.every(({ peerId }) => there.has(peerId))
    )
    return [
      { metric: 'everyone known', value: knownMs, unit: 'ms' },
      { metric: 'ask another', value: askedMs / stage.nodes.length, unit: 'ms' }
    ]
  }
}
