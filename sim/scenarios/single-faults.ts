/** One fault of each kind after the other, each alone, and each put right again. */

import type { Fault } from '../faults/fault.ts'
import { pick } from '../random.ts'
import { recover } from '../recovery.ts'
import type { Scenario } from '../scenario.ts'
import type { Stage } from '../stage.ts'

const LASTS_MS = 400
const RECOVER_MS = 30_000
const DAY_MS = 24 * 3600 * 1000

/** What is done to one node, which nobody else hears of but through it. */
const FAULTS: readonly ((node: number) => Fault)[] = [
  node => ({ kind: 'stop', node }),
  node => ({ kind: 'crash', node, how: 'kill' }),
  node => ({ kind: 'crash', node, how: 'power' }),
  node => ({ kind: 'pause', node }),
  node => ({ kind: 'slow-cpu', node, factor: 100 }),
  node => ({ kind: 'clock', node, jumpMs: DAY_MS }),
  node => ({ kind: 'clock', node, jumpMs: -DAY_MS }),
  node => ({ kind: 'disk', node, full: true }),
  node => ({ kind: 'reset', from: [node], to: 'all' }),
  node => ({ kind: 'link', from: [node], to: 'all', both: true, state: 'down' }),
  node => ({ kind: 'link', from: [node], to: 'all', both: true, state: 'clogged' }),
  node => ({ kind: 'link', from: [node], to: 'all', preset: 'absurd' })
]

export const singleFaults: Scenario = {
  name: 'single-faults',
  question: 'Is a mesh as before after any single fault?',
  nodes: 4,

  async run(stage) {
    await stage.assemble()
    let slowestMs = 0
    for (const faultOf of FAULTS) {
      const fault = faultOf(pick(stage.running, stage.random))
      await stage.inflict(fault)
      await stage.pause(LASTS_MS)
      slowestMs = Math.max(slowestMs, await putRight(stage, fault))
    }
    return [
      { metric: 'faults', value: FAULTS.length, unit: '' },
      { metric: 'slowest agreement', value: slowestMs, unit: 'ms' }
    ]
  }
}

async function putRight(stage: Stage, fault: Fault): Promise<number> {
  if (fault.kind === 'stop' || fault.kind === 'crash') {
    await stage.inflict({ kind: 'restart', node: fault.node })
  }
  return await recover(stage, RECOVER_MS)
}
