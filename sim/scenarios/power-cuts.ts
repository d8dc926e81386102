/** Machines lose power, and what they had not synced; also just after they said that something is done. */

import { Load } from '../load.ts'
import { pick } from '../random.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'

const CUTS = 4
/** Restart to ready. */
const READY_MS = 3000

export const powerCuts: Scenario = {
  name: 'power-cuts',
  question: 'Is everything that a node said is done still done after its machine lost power?',
  nodes: 6,

  async run(stage) {
    await stage.assemble()
    const load = new Load(stage, { askers: stage.running, pauseMs: 50 })
    const readyMs: number[] = []
    const cut = async (node: number) => {
      await stage.inflict({ kind: 'crash', node, how: 'power' })
      const beganMs = stage.elapsedMs
      await stage.inflict({ kind: 'restart', node })
      readyMs.push(stage.elapsedMs - beganMs)
    }

    // The founder says that a device is removed and what the mesh is called, and loses power at once.
    const removed = stage.node(5)
    await stage.node(0).mesh.revoke(removed.peerId)
    stage.acknowledged(0, { kind: 'revoked', peerId: removed.peerId })
    await cut(0)
    await stage.node(0).mesh.rename('after the storm')
    stage.acknowledged(0, { kind: 'named', name: 'after the storm' })
    await cut(0)
    for (let i = 0; i < CUTS; i++) await cut(pick([1, 2, 3, 4], stage.random))

    await load.end()
    const slowestMs = Math.max(...readyMs)
    stage.must(`a node is ready ${READY_MS} ms after its power is back`, slowestMs < stage.promised(READY_MS))
    const agreedMs = await recover(stage, 60_000)
    return [
      { metric: 'power cuts', value: readyMs.length, unit: '' },
      { metric: 'slowest restart', value: slowestMs, unit: 'ms' },
      { metric: 'all agree after', value: agreedMs, unit: 'ms' }
    ]
  }
}
