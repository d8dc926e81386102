/** How long a node's own loop stands still at most while a model computes: the engine must not be felt. */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { EngineHost } from '../capabilities/host/engine-host.ts'
import { systemClock } from '../interface/clock.ts'
import { take } from './harness.ts'
import { startNode } from './nodes.ts'
import { type BenchTable, tableOf } from './table.ts'

/** Many short rounds: a neighbour on the machine spoils some of them, and the median is of the others. */
const ROUNDS = 21
const ROUND_MS = 500
/** What a model of middling size takes on a laptop. */
const MODEL_MS = 17
const IDLE = 'idle'

const log = { debug() {}, info() {}, warn: console.warn, error: console.error }

export async function measureStalls(quick: boolean): Promise<BenchTable> {
  const module = new URL('../test/fixtures/engines/unruly.ts', import.meta.url)
  const engine = new EngineHost(
    { name: 'blocking', module, settings: {} },
    { clock: systemClock, log, env: {} }
  )
  const node = await startNode({}, [{ id: 'blocking', tasks: ['text-generation'], slots: 1, engine }])

  const ask = async (): Promise<void> => {
    const messages = [{ role: 'user', content: `block ${MODEL_MS}` }]
    const answer = node.infer({ task: 'text-generation', model: 'blocking', input: { messages } })
    for await (const _ of answer);
  }
  await ask()

  const samples = new Map<string, number[]>()
  for (let round = 0; round < (quick ? 2 : ROUNDS); round++) {
    take(samples, `while a model computes for ${MODEL_MS} ms`, await longestGapMs(ask))
    take(samples, IDLE, await longestGapMs(() => setTimeout(MODEL_MS)))
  }
  await node.stop()
  return tableOf(`Longest stall of the node's own loop in ${ROUND_MS} ms`, samples, {
    unit: 'ms',
    references: [IDLE]
  })
}

/** The longest time between two turns of the event loop while `work` is done over and over. */
async function longestGapMs(work: () => Promise<void>): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: 1 })
  const endMs = performance.now() + ROUND_MS
  delays.enable()
  while (performance.now() < endMs) await work()
  delays.disable()
  return delays.max / 1e6
}
