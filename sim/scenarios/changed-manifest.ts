/** A node loads a model; how soon does everyone know, when a tenth of what is sent is lost? */

import { quantile } from '../load.ts'
import { lateModel } from '../models.ts'
import { pick } from '../random.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

const MOST = 0.99
const MOST_MS = 2000
const ALL_MS = 90_000
/** Nodes that share a processor keep up with their work when a pause of that length is late by no more than this. */
const PAUSE_MS = 100
const LATE_MS = 50
/** So often in a row. */
const PAUSES = 20
/** A processor that never keeps up is part of the answer. */
const CALM_WITHIN_MS = 120_000
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
    const calmMs = await untilCalm(stage)
    stage.note(`and has told it all after ${Math.round(calmMs)} ms more`)
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

/** Waits until what has to be said when two hundred meet has been said: a mesh that is there already is the question. */
async function untilCalm(stage: Stage): Promise<number> {
  const beganMs = stage.elapsedMs
  for (let calm = 0; calm < PAUSES && stage.elapsedMs - beganMs < CALM_WITHIN_MS; ) {
    const pausedMs = stage.elapsedMs
    await stage.pause(PAUSE_MS)
    calm = stage.elapsedMs - pausedMs > PAUSE_MS + LATE_MS ? 0 : calm + 1
  }
  return stage.elapsedMs - beganMs
}
