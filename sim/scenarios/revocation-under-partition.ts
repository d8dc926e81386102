/** A device is removed while some of the mesh cannot hear of it. */

import { Load } from '../load.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

/** As promised: everywhere reachable, and after a partition has healed. */
const REACHABLE_MS = 5000
const HEALED_MS = 30_000

export const revocationUnderPartition: Scenario = {
  name: 'revocation-under-partition',
  question: 'Is a removed device cut off at once where the news arrives, and soon where it could not?',
  nodes: 7,
  link: 'good-wifi',

  async run(stage) {
    await stage.assemble()
    const lost = stage.nodes.length - 1
    const half = Math.ceil(lost / 2)
    const near = stage.running.filter(index => index < half)
    const far = stage.running.filter(index => index >= half && index !== lost)
    // The lost device reaches both halves, which do not reach each other.
    await stage.inflict({ kind: 'link', from: near, to: far, both: true, state: 'down' })
    const load = new Load(stage, { askers: [lost], atOnce: 2, pauseMs: 20 })

    const { peerId } = stage.node(lost)
    const beganMs = stage.elapsedMs
    await stage.node(0).mesh.revoke(peerId)
    stage.acknowledged(0, { kind: 'revoked', peerId })
    const reachableMs = await stage.until(
      'all reachable have cut it off',
      () => near.every(index => knows(stage, index) && !isMet(stage, index, peerId)),
      REACHABLE_MS
    )
    const healedMs = stage.elapsedMs
    await stage.inflict({ kind: 'heal' })
    await stage.until(
      'all have cut it off',
      () => far.every(index => knows(stage, index) && !isMet(stage, index, peerId)),
      HEALED_MS
    )
    const farMs = stage.elapsedMs - healedMs
    await load.end()
    await recover(stage, 30_000)
    stage.note(`the last to hear of it did so ${Math.round(stage.elapsedMs - beganMs)} ms after it was said`)
    return [
      { metric: 'cut off where reachable', value: reachableMs, unit: 'ms' },
      { metric: 'cut off after the heal', value: farMs, unit: 'ms' }
    ]
  }
}

const knows = ({ history }: Stage, index: number): boolean =>
  history.events('mesh.member_revoked').some(({ node }) => node === `node-${index}`)

const isMet = (stage: Stage, index: number, id: string): boolean =>
  stage
    .node(index)
    .peers()
    .some(({ peerId }) => peerId === id)
