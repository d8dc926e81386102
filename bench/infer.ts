/**
 * What the mesh adds to a model: `digits-cnn` asked of a node in another process,
 * through router, protocol, TLS, its registry and its engine host, against the
 * same engine host asked directly, here.
 */

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { kindOf, readModels } from '../capabilities/index.ts'
import { systemClock } from '../interface/clock.ts'
import type { InferenceChunk } from '../interface/inference.ts'
import { prepare } from '../interface/prepare.ts'
import type { TaskName } from '../interface/tasks/index.ts'
import { type Bench, startPeer, take } from './harness.ts'
import { knowsModel, startNode } from './nodes.ts'
import { medianOf } from './statistics.ts'
import { type BenchTable, tableOf } from './table.ts'

const ROUNDS = 15
const CALLS_PER_ROUND = { thorough: 200, quick: 5 }
const MODEL = 'digits-cnn'
const REMOTE = 'on another node'
const DIRECT = 'its engine alone'

type Ask = (task: TaskName, input: unknown) => AsyncIterable<InferenceChunk>

export const bench: Bench = async ({ quick }) => {
  const picture = await readFile(new URL('../test/fixtures/digits/7.png', import.meta.url))
  const image = { type: 'float32', dims: [1, 1, 8, 8], data: new Uint8Array(8 * 8 * 4) }
  const inputs: [what: string, TaskName, unknown][] = [
    ['a tensor', 'tensor', { tensors: { image } }],
    ['a PNG', 'image-classification', { image: new Uint8Array(picture) }]
  ]

  await using provider = await startPeer<string>(new URL('./infer-server.ts', import.meta.url))
  const node = await startNode({})
  await node.mesh.join(provider.addresses)
  await knowsModel(node, MODEL)
  const ways: Record<string, Ask> = {
    [REMOTE]: (task, input) => node.infer({ task, model: MODEL, input }),
    [DIRECT]: await connectEngine()
  }
  const calls = quick ? CALLS_PER_ROUND.quick : CALLS_PER_ROUND.thorough
  const tables: BenchTable[] = []
  for (const [what, task, input] of inputs) {
    const series = await measure(ways, { rounds: quick ? 2 : ROUNDS, calls, task, input })
    tables.push(tableOf(`${MODEL} asked for ${what}`, series, { unit: 'ms', references: [DIRECT] }))
  }
  await node.stop()
  return tables
}

/** The engine host without anything around it. */
async function connectEngine(): Promise<Ask> {
  const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
  const [found] = await readModels(fileURLToPath(new URL(`../models/${MODEL}`, import.meta.url)))
  const { engine } = kindOf(found!.engine).serve(found!, {
    clock: systemClock,
    log,
    env: {},
    cores: availableParallelism()
  })
  await engine.load()
  return (task, input) => {
    const params = task === 'tensor' ? {} : { topK: 5 }
    return engine.infer(prepare({ id: randomUUID(), task, model: MODEL, input, params, budgetMs: 60_000 }))
  }
}

interface Measurement {
  readonly rounds: number
  readonly calls: number
  readonly task: TaskName
  readonly input: unknown
}

/** For each round, what a call takes in the middle; and what the mesh adds to it. */
async function measure(
  ways: Readonly<Record<string, Ask>>,
  { rounds, calls, task, input }: Measurement
): Promise<Map<string, number[]>> {
  const series = new Map<string, number[]>()
  // The first round loads the model and warms up.
  for (let round = -1; round < rounds; round++) {
    const medians: Record<string, number> = {}
    for (const [way, ask] of Object.entries(ways)) {
      const times: number[] = []
      for (let call = 0; call < calls; call++) {
        const startedMs = performance.now()
        for await (const _ of ask(task, input));
        times.push(performance.now() - startedMs)
      }
      medians[way] = medianOf(times)
      if (round >= 0) take(series, way, medians[way])
    }
    if (round >= 0) take(series, 'added by the mesh', medians[REMOTE]! - medians[DIRECT]!)
  }
  return series
}
