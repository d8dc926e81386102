/** The job of a batch: from the counting of its inputs to the account of what each device did. */

import * as z from 'zod'
import { BATCH_INPUTS_MAX, type BatchResult, SAMPLES_MAX } from '../../interface/batch.ts'
import { EngineFailedError, InvalidInputError } from '../../interface/errors.ts'
import { DEFAULT_BUDGET_MS, MAX_BUDGET_MS } from '../../interface/inference.ts'
import { ModelId } from '../../interface/names.ts'
import { prepare } from '../../interface/prepare.ts'
import { agreementOf } from '../../interface/tasks/agreement.ts'
import { accumulate, definitionOf, TASK_NAMES } from '../../interface/tasks/index.ts'
import type { FeatureComponents, MeshContext } from '../feature.ts'
import { defineJobKind, type JobContext, type JobKind } from '../jobs/job-kind.ts'
import { Meter } from '../jobs/meter.ts'
import { Arriving } from './arriving.ts'
import { type BatchState, newBatch } from './batch-state.ts'
import { countItems, itemsOf } from './inputs.ts'
import { leftMesh } from './left-mesh.ts'
import { ResultFile } from './results.ts'
import { BatchRun } from './run.ts'
import { sizeOf } from './size.ts'

/** They share the devices, and each holds a window in memory. */
const RUNNING_MAX = 2
const PATH_CHARS_MAX = 4096
/** Devices that progress names. */
const SOURCES_MAX = 16

const Path = z.string().min(1).max(PATH_CHARS_MAX)
const Input = z.strictObject({
  /** Inputs go to devices of the mesh in which the batch began, and to no others. */
  mesh: z.string(),
  task: z.enum(TASK_NAMES),
  model: ModelId,
  params: z.record(z.string(), z.unknown()),
  inputs: z.array(Path).min(1).max(BATCH_INPUTS_MAX),
  out: Path,
  budgetMs: z.number().positive().max(MAX_BUDGET_MS).default(DEFAULT_BUDGET_MS),
  verify: z.int().min(0).max(SAMPLES_MAX).default(0)
})
type Input = z.output<typeof Input>
/** Items that are on disk. The results themselves say where the work goes on. */
const Checkpoint = z.strictObject({ done: z.int() })

type Context = JobContext<z.output<typeof Checkpoint>>
type Components = Pick<FeatureComponents, 'clock' | 'random'>

/** @param runs those under way. */
export function batchJob(components: Components, mesh: () => MeshContext, runs: Set<BatchRun>): JobKind {
  /** Files that a run writes. */
  const written = new Set<string>()
  return defineJobKind({
    name: 'inference.batch',
    input: Input,
    checkpoint: Checkpoint,
    runningMax: RUNNING_MAX,
    summary: ({ model, inputs: [first, ...more], out }) =>
      `${model} on ${first}${more.length > 0 ? ` and ${more.length} more` : ''}, to ${out}`,
    key: input => JSON.stringify(input),
    async run(input, context) {
      const { out } = input
      if (written.has(out)) throw new InvalidInputError(`Another batch writes ${out}.`)
      if (mesh().meshId !== input.mesh) throw leftMesh()
      written.add(out)
      try {
        return await runBatch(input, context, components, mesh(), runs)
      } finally {
        written.delete(out)
      }
    }
  })
}

async function runBatch(
  input: Input,
  context: Context,
  { clock, random }: Components,
  mesh: MeshContext,
  runs: Set<BatchRun>
): Promise<BatchResult> {
  const { task, model, params, inputs, out, verify } = input
  const definition = definitionOf(task)
  const wanted = {
    ...{ inputs, out, argument: definition.argument },
    question: JSON.stringify([task, model, params])
  }
  const total = await countItems(wanted)
  const items = itemsOf(wanted)
  const results = await ResultFile.open(out, items).catch(async (thrown: unknown) => {
    await items.return(undefined)
    throw thrown
  })
  const { before, failedBefore } = results
  const agrees = agreementOf(definition, definition.params.parse(params ?? {}))
  const state = newBatch({ total, from: before, samples: verify, agrees })
  const meter = new Meter(clock)
  const arriving = new Arriving()
  let failed = failedBefore
  const run = new BatchRun({
    ...{ clock, random, state, items, results },
    offers: () => mesh.providers(task, model).map(({ peerId }) => peerId),
    check: value => checked(input, value),
    ask: (peer, value, signal) => ask(mesh, input, peer, value, arriving, signal),
    nameOf: peer => nameOf(mesh, peer),
    distrust: peer => mesh.distrust(peer, model),
    onFailed: () => failed++,
    onProgress: () =>
      context.progress({
        ...{ done: state.head, total, unit: 'items', message: messageOf(state, failed) },
        ...meter.measure(state.head, total),
        sources: sourcesOf(state, mesh)
      }),
    onSaved: done => context.save({ done })
  })
  runs.add(run)
  try {
    await run.whole(context.signal)
  } finally {
    runs.delete(run)
  }
  const { samples } = state
  const devices = devicesOf(state, mesh)
  return { task, model, out, items: total, before, failed, devices, samples }
}

const checked = ({ task, model, params, budgetMs }: Input, value: unknown): unknown =>
  prepare({ id: 'batch', task, model, params, budgetMs, input: value }).input

async function ask(
  mesh: MeshContext,
  { task, model, params, budgetMs }: Input,
  peer: string,
  input: unknown,
  arriving: Arriving,
  signal: AbortSignal
): Promise<unknown> {
  const answer = accumulate(task)
  using arrives = arriving.answer()
  let isDone = false
  for await (const chunk of mesh.ask(peer, { task, model, params, budgetMs, input }, { signal })) {
    arrives.add(sizeOf(chunk))
    answer.add(chunk)
    if (chunk.type === 'done') isDone = true
  }
  if (!isDone) throw new EngineFailedError('The answer has no end.')
  return answer.output()
}

const nameOf = ({ members }: MeshContext, peer: string): string => members.lastKnown(peer)?.name ?? peer

function messageOf({ strandedSinceMs }: BatchState, failed: number): string {
  if (strandedSinceMs !== undefined) return 'waiting for a device that offers the model'
  return failed === 0 ? '' : `${failed} failed`
}

const sourcesOf = ({ devices }: BatchState, mesh: MeshContext) =>
  [...devices.values()]
    .filter(({ done }) => done > 0)
    .sort((a, b) => b.done - a.done)
    .slice(0, SOURCES_MAX)
    .map(({ peer, done }) => ({ from: nameOf(mesh, peer), amount: done }))

const devicesOf = ({ devices }: BatchState, mesh: MeshContext): BatchResult['devices'] =>
  [...devices.values()]
    .filter(({ done, failed, differed }) => done + failed + differed > 0)
    .sort((a, b) => b.done - a.done)
    .map(({ peer, done: items, failed: failures, differed }) => ({
      ...{ peer, name: nameOf(mesh, peer), items, failures, differed }
    }))
