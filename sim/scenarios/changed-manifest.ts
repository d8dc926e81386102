/** A node loads a model; how soon does everyone know, when a tenth of what is sent is lost? */

import { quantile } from '../load.ts'
import { lateModel } from '../models.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scenario.ts'

const MOST = 0.99
const MOST_MS = 2000
const ALL_MS = 90_000
/** Gossip needs its meshes first: a heartbeat or two. */
const LOSS_RATE = 0.1

export const changedManifest: Scenario = {
  name: 'changed-manifest',
  question:
    'Does a changed manifest reach 99 % of the nodes within 2 s and all within 90 s, when 10 % is lost?',
  nodes: 20,
  link: 'good-wifi',
  // Gossip and pulls are the question; who keeps the addresses of two hundred is another one.
  configure: () => ({ models: [lateModel()], settings: { 'swarm.dht': false } }),

  async run(stage) {
    const { nodes, history } = stage
    const knownMs = await stage.assemble(60_000 + nodes.length * 6000)
    stage.note(`everyone knows everyone after ${Math.round(knownMs)} ms`)
    await stage.inflict({
      kind: 'link',
      from: 'all',
      to: 'all',
      model: { lossRate: LOSS_RATE, lossBurst: 1 }
    })

    const changed = pick(stage.running, stage.random)
    const { peerId } = stage.node(changed)
    const seen = history.entries.length
    const { code } = await stage.ask(changed, { model: 'late', peer: peerId })
    stage.must(`the model loads, without ${code}`, code === undefined)
    const beganMs = stage.elapsedMs
    const arrivals = () => {
      const first = new Map<string, number>()
      for (const entry of history.entries.slice(seen)) {
        if (entry.type !== 'event' || entry.event !== 'manifest.updated') continue
        if (entry.data.peerId === peerId && !first.has(entry.node))
          first.set(entry.node, entry.atMs - beganMs)
      }
      return [...first.values()]
    }
    await stage.until('all know of it', () => arrivals().length >= nodes.length - 1, ALL_MS)
    const afterMs = arrivals()
    const mostMs = quantile(afterMs, MOST)
    stage.must(
      `99 % know of it within ${MOST_MS} ms, not ${Math.round(mostMs)}`,
      mostMs <= stage.promised(MOST_MS)
    )
    return [
      { metric: 'everyone known', value: knownMs, unit: 'ms' },
      { metric: 'half know of it', value: quantile(afterMs, 0.5), unit: 'ms' },
      { metric: '99 % know of it', value: mostMs, unit: 'ms' },
      { metric: 'all know of it', value: Math.max(...afterMs), unit: 'ms' }
    ]
  }
}
