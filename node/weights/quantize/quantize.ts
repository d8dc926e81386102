/** A model whose weights are 8 bits, made on this device of one with full weights: a repository of its own. */

import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Catalogue, quantizeFile, type Registry } from '../../../capabilities/index.ts'
import type { Clock } from '../../../interface/clock.ts'
import { InvalidInputError, LumosError } from '../../../interface/errors.ts'
import { meantTask } from '../../../interface/tasks/index.ts'
import type { Imported, Quantized, WeightsProgress } from '../../../interface/weights.ts'
import { DRAFT } from '../../../storage/weights/settle.ts'
import type { ListedFile, Listing } from '../listing.ts'
import { MODEL_INFO } from '../repositories/model-info.ts'
import { checkData, measureLoss } from './measure.ts'
import { type FoundModel, partsOf } from './parts.ts'

export interface QuantizeComponents {
  readonly catalogue: Pick<Catalogue, 'found'>
  readonly registry: Pick<Registry, 'infer'>
  readonly clock: Clock
  /** A folder on the disk of the store, for what is not whole yet. */
  readonly drafts: string
  /** @throws {LumosError} `WEIGHTS_FULL` where the disk or the quota has no room for so many bytes. */
  checkRoom(bytes: number): Promise<void>
  /** Makes a repository of these files, and has it served. */
  add(listing: Listing, options: WeightsProgress): Promise<Imported>
}

export interface QuantizeWanted {
  readonly model: string
  readonly name: string
  /** What the loss is measured on. */
  readonly data?: string | undefined
}

/** @throws {LumosError} `MODEL_NOT_FOUND`, `INVALID_INPUT`, `NOT_SUPPORTED` */
function toQuantize({ found }: Pick<Catalogue, 'found'>, { model, name }: QuantizeWanted): FoundModel {
  const wanted = found.find(({ id, aliases }) => id === model || aliases?.includes(model))
  if (wanted === undefined)
    throw new LumosError('MODEL_NOT_FOUND', `No folder of models on this device has "${model}".`, {
      hint: `Bring it first: lumos-node models pull ${model}`
    })
  if (found.some(({ id }) => id === name))
    throw new InvalidInputError(`This device has a model "${name}" already.`, { hint: 'Give another name.' })
  return wanted
}

/** @param id of the job, unique among the requests of this node. */
export async function quantizeModel(
  components: QuantizeComponents,
  wanted: QuantizeWanted,
  { id, ...options }: WeightsProgress & { id: string }
): Promise<Quantized> {
  const { catalogue, registry, clock, drafts, checkRoom, add } = components
  const found = toQuantize(catalogue, wanted)
  const task = meantTask(found.tasks)!
  // Before the work of minutes, whose result would stay.
  if (wanted.data !== undefined) await checkData(task, wanted.data)
  const { graphs, others } = await partsOf(found)
  // No more than the graphs have now.
  await checkRoom(graphs.reduce((sum, { bytes }) => sum + bytes, 0))
  const folder = await mkdtemp(join(drafts, DRAFT))
  try {
    const made = await smaller(graphs, folder, { clock, ...options })
    const files = [...made.files, ...(await described(others, made.hashes, wanted, folder))]
    const { cid, bytes } = await add({ name: wanted.name, files }, options)
    const loss =
      wanted.data === undefined
        ? null
        : await measureLoss({
            ...{
              registry,
              task,
              before: found.id,
              after: wanted.name,
              data: wanted.data,
              id
            },
            ...options,
            onItem: done => options.onProgress?.(done, done, `asks both about ${wanted.data}`)
          })
    const before = [...graphs, ...others].reduce((sum, file) => sum + file.bytes, 0)
    return { model: wanted.name, cid, bytes, bytesBefore: before, tensors: made.tensors, loss }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Made {
  readonly files: readonly ListedFile[]
  /** Of those that are new, by path. */
  readonly hashes: ReadonlyMap<string, string>
  readonly tensors: number
}

/** Of several graphs, one in which nothing can be quantised stays as it is. */
async function smaller(
  graphs: readonly ListedFile[],
  folder: string,
  { clock, signal, onProgress }: WeightsProgress & { clock: Clock }
): Promise<Made> {
  const total = graphs.reduce((sum, { bytes }) => sum + bytes, 0)
  const hashes = new Map<string, string>()
  const files: ListedFile[] = []
  let tensors = 0
  let done = 0
  let refused: unknown
  for (const [n, graph] of graphs.entries()) {
    const target = join(folder, `${n}.onnx`)
    const report = (bytes: number): void =>
      onProgress?.(Math.min(total, done + bytes), total, `quantises ${graph.path}`)
    report(0)
    try {
      const made = await quantizeFile(graph.source, target, { clock, signal, onBytes: report })
      files.push({ path: graph.path, source: target, bytes: made.bytes })
      hashes.set(graph.path, made.sha256)
      tensors += made.tensors
    } catch (err) {
      if (!(err instanceof LumosError && err.code === 'NOT_SUPPORTED')) throw err
      refused = err
      files.push(graph)
    }
    done += graph.bytes
  }
  if (hashes.size === 0) throw refused
  return { files, hashes, tensors }
}

/** The other files, the description with the new name and hashes. */
async function described(
  files: readonly ListedFile[],
  hashes: ReadonlyMap<string, string>,
  { model, name }: QuantizeWanted,
  folder: string
): Promise<ListedFile[]> {
  const info = files.find(({ path }) => path === MODEL_INFO)
  if (info === undefined) return [...files]
  const said = JSON.parse(await readFile(info.source, 'utf8')) as { sha256?: Record<string, string> }
  const sha256 = { ...said.sha256, ...Object.fromEntries(hashes) }
  const source = join(folder, MODEL_INFO)
  const text = JSON.stringify({ ...said, name, sha256, quantized: { from: model, weights: 'int8' } }, null, 2)
  await writeFile(source, `${text}\n`)
  return [
    ...files.filter(file => file !== info),
    { path: MODEL_INFO, source, bytes: (await stat(source)).size }
  ]
}
