/** How fast the deterministic cores of a whole mesh run on virtual time, in one thread. */

import { largePlan } from '../sim/virtual/plan.ts'
import { World } from '../sim/virtual/world.ts'
import { type Bench, take } from './harness.ts'
import { tableOf } from './table.ts'

const ROUNDS = 7
const MESH = { thorough: { nodes: 100, hours: 0.1 }, quick: { nodes: 20, hours: 0.02 } }
/** The same mesh each time, since what happens in it decides what it takes. */
const SEED = 1
const HOUR_MS = 3_600_000

export const bench: Bench = async ({ quick }) => {
  const { nodes, hours } = quick ? MESH.quick : MESH.thorough
  const series = { events: new Map<string, number[]>(), time: new Map<string, number[]>() }
  // The first round compiles everything.
  for (let round = -1; round < (quick ? 2 : ROUNDS); round++) {
    const world = new World(largePlan(SEED, nodes, hours))
    const beganMs = performance.now()
    world.start()
    world.run(hours * HOUR_MS)
    const seconds = (performance.now() - beganMs) / 1000
    if (round < 0) continue
    take(series.events, 'handled', world.trace.count / seconds)
    take(series.time, 'lived', (nodes * hours * 3600) / seconds)
  }
  const what = `${nodes} virtual nodes, from their first contact on, for ${hours * 60} minutes of their time`
  return [
    tableOf(`Events, ${what}`, series.events, { unit: 'events/s', references: [] }),
    tableOf(`Node-seconds of virtual time, ${what}`, series.time, { unit: 'node-s/s', references: [] })
  ]
}
