/** The mesh falls into two halves; both go on, and change; then they meet again. */

import { Load } from '../load.ts'
import { lateModel } from '../models.ts'
import { pick, pickSome } from '../random.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'

/** Redials wait up to this after a short partition, and news of both sides must cross. */
const AGREE_MS = 30_000

export const partitionAndHeal: Scenario = {
  name: 'partition-and-heal',
  question: 'Do two halves of a mesh each go on, and agree again once they meet?',
  nodes: 8,
  link: 'good-wifi',
  configure: () => ({ models: [lateModel()] }),

  async run(stage) {
    await stage.assemble()
    const load = new Load(stage, { askers: stage.running, pauseMs: 50 })
    const left = pickSome(stage.running, Math.floor(stage.nodes.length / 2), stage.random)
    const right = stage.running.filter(index => !left.includes(index))
    const state = pick(['down', 'clogged', 'blackhole'] as const, stage.random)
    await stage.inflict({ kind: 'partition', groups: [left, right], state })
    const apartMs = stage.elapsedMs

    // Each half changes: a model is loaded, and only its own half can hear of it.
    for (const half of [left, right]) {
      const [node] = half
      const { code } = await stage.ask(node!, { model: 'late', peer: stage.node(node!).peerId })
      stage.must(`a half goes on, without ${code}`, code === undefined)
    }
    await stage.until(
      'every node is answered within its half',
      () =>
        stage.running.every(index => load.since(apartMs).some(({ asker, code }) => asker === index && !code)),
      30_000
    )
    await load.end()
    const agreedMs = await recover(stage, AGREE_MS)
    const failed = load.failed.length
    return [
      { metric: 'requests', value: load.answers.length, unit: '' },
      { metric: 'failed', value: failed, unit: '' },
      { metric: 'all agree after', value: agreedMs, unit: 'ms' }
    ]
  }
}
