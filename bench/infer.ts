/**
 * What the mesh adds to a model: `digits-cnn` asked of a node in another process,
 * through router, protocol, TLS, its registry and its engine host, against the
 * same engine host asked directly, here.
 */

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { discoverModels, onnxModel } from '../capabilities/index.ts'
import { systemClock } from '../interface/clock.ts'
import type { InferenceChunk } from '../interface/inference.ts'
import type { LumosNode } from '../interface/node.ts'
import type { TaskName } from '../interface/tasks.ts'
import { figures, printFigures, take } from './figures.ts'
import { type Bench, type BenchResult, medianOf, startPeer } from './harness.ts'
import { startNode } from './nodes.ts'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 15)
const CALLS_PER_ROUND = 200
const MODEL = 'digits-cnn'

type Ask = (task: TaskName, input: unknown) => AsyncIterable<InferenceChunk>

export const bench: Bench = async () => {
  const picture = await readFile(new URL('../test/fixtures/digits/7.png', import.meta.url))
  const image = { type: 'float32', dims: [1, 1, 8, 8], data: new Uint8Array(8 * 8 * 4) }
  const inputs: [what: string, TaskName, unknown][] = [
    ['tensor', 'tensor', { tensors: { image } }],
    ['PNG', 'image-classification', { image: new Uint8Array(picture) }]
  ]

  await using provider = await startPeer<string>(new URL('./infer-server.ts', import.meta.url))
  const node = await startNode({})
  await node.mesh.join(provider.addresses)
  await modelOf(node)
  const ways: Record<string, Ask> = {
    direct: await connectEngine(),
    remote: (task, input) => node.infer({ task, model: MODEL, input })
  }

  const results: BenchResult[] = []
  for (const [what, task, input] of inputs) {
    const measured = await measure(ways, task, input)
    results.push(...figuresOf(what, measured))
  }
  printFigures(`${MODEL}, medians of ${ROUNDS * CALLS_PER_ROUND} calls, one at a time`, results)
  await node.stop()
  return results
}

/** The engine host without anything around it. */
async function connectEngine(): Promise<Ask> {
  const log = { debug() {}, info() {}, warn: console.warn, error: console.error }
  const found = await discoverModels([fileURLToPath(new URL('../models', import.meta.url))], log)
  const { engine } = onnxModel(found.find(({ description }) => description.name === MODEL)!, {
    clock: systemClock,
    log,
    cores: availableParallelism()
  })
  await engine.load()
  return (task, input) => {
    const params = task === 'tensor' ? {} : { topK: 5 }
    return engine.infer({ id: randomUUID(), task, model: MODEL, input, params, budgetMs: 60_000 })
  }
}

/** Resolves when `node` knows who offers the model. */
async function modelOf(node: LumosNode): Promise<void> {
  while (!node.models().some(({ model }) => model === MODEL)) {
    await new Promise<void>(resolve =>
      node.events.addEventListener('manifest.updated', () => resolve(), { once: true })
    )
  }
}

async function measure(
  ways: Readonly<Record<string, Ask>>,
  task: TaskName,
  input: unknown
): Promise<Map<string, number[]>> {
  const samples = new Map<string, number[]>()
  // The first round loads the model and warms up.
  for (let round = -1; round < ROUNDS; round++) {
    for (const [way, ask] of Object.entries(ways)) {
      for (let call = 0; call < CALLS_PER_ROUND; call++) {
        const startedMs = performance.now()
        for await (const _ of ask(task, input));
        if (round >= 0) take(samples, way, performance.now() - startedMs)
      }
    }
  }
  return samples
}

function figuresOf(what: string, samples: ReadonlyMap<string, readonly number[]>): BenchResult[] {
  const named = new Map([...samples].map(([way, values]) => [`${what}, ${way}`, values]))
  const addedMs = medianOf(samples.get('remote')!) - medianOf(samples.get('direct')!)
  return [
    ...figures(named, 'ms', `${what}, direct`),
    { metric: `${what}, added`, value: Number(addedMs.toFixed(3)), unit: 'ms' }
  ]
}
