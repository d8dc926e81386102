/**
 * Models on disk, as their `model_info.json` describes them.
 *
 * The files come from anywhere, so a description is data to be checked: it may
 * name only plain files inside its own directory. A broken one is refused with
 * its reason, and the others are served.
 */

import { readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, sep } from 'node:path'
import * as z from 'zod'
import { decodeText } from '../../interface/decode-text.ts'
import { LumosError } from '../../interface/errors.ts'
import { ModelId } from '../../interface/names.ts'
import { imageClassification } from '../../interface/tasks/image-classification.ts'
import type { TaskName } from '../../interface/tasks/index.ts'
import { tensor } from '../../interface/tasks/tensor.ts'
import type { ImageSettings } from '../engines/onnx/image.ts'
import { MODEL_INFO, whyNoDescription } from './strays.ts'

/** Where the hub of Hugging Face keeps the files of a repository. */
const BLOBS = 'blobs'
/** Labels of the largest image sets fit; a description is not a place for data. */
const INFO_BYTES_MAX = 1024 * 1024
/** More than any picture model takes; bounds the memory of one request. */
const SIDE_PIXELS_MAX = 4096

/** A path such as `onnx/model.onnx`: relative, plain, the same on every platform. */
const FileName = z
  .string()
  .max(255)
  .regex(/^[\w-][\w.+-]*(?:\/[\w-][\w.+-]*)*$/, 'must be a plain relative path')

const Files = z.object({ available: z.boolean(), files: z.array(FileName).max(64).default([]) })
const Channels = z.array(z.number()).min(1).max(3)
const Value = z.object({
  name: z.string().min(1).max(128),
  type: z.string().max(32),
  shape: z.array(z.union([z.int(), z.string().max(64)])).max(16)
})

/** Unknown keys are left alone: others add their own. */
const ModelDescription = z.object({
  name: ModelId,
  version: z.string().max(64),
  description: z.string().max(4096),
  model_type: z.string().max(64),
  embedding_dim: z.int().positive().optional(),
  runtimes: z.object({
    torch: Files.optional(),
    onnx: Files.optional(),
    rknn: z
      .object({
        available: z.boolean(),
        devices: z.array(z.string()).default([]),
        files: z.record(z.string(), z.array(FileName)).default({})
      })
      .optional()
  }),
  datasets: z.record(z.string(), FileName).default({}),
  metadata: z.object({ license: z.string(), author: z.string(), created_at: z.string() }),

  // What this project adds.
  task: z.string().max(64).optional(),
  inputs: z.array(Value).max(64).default([]),
  outputs: z.array(Value).max(64).default([]),
  labels: z.array(z.string().max(256)).min(1).max(100_000).optional(),
  preprocessing: z
    .object({
      width: z.int().min(1).max(SIDE_PIXELS_MAX),
      height: z.int().min(1).max(SIDE_PIXELS_MAX),
      fit: z.enum(['fill', 'cover', 'contain']).default('fill'),
      color: z.enum(['gray', 'rgb']).default('rgb'),
      background: z.enum(['black', 'white']).default('white'),
      layout: z.enum(['NCHW', 'NHWC']).default('NCHW'),
      range: z.tuple([z.number(), z.number()]).default([0, 1]),
      mean: Channels.optional(),
      std: Channels.optional()
    })
    .optional(),
  /** Hashes of files, lower-case hex. */
  sha256: z.record(FileName, z.string().regex(/^[0-9a-f]{64}$/)).default({})
})
export type ModelDescription = z.infer<typeof ModelDescription>

/** A model that this node can serve. */
export interface FoundModel {
  readonly description: ModelDescription
  readonly tasks: readonly TaskName[]
  /** Real path of the directory that holds its files. */
  readonly folder: string
  /** Its graph, relative to `folder`. */
  readonly file: string
  /** Of the files that the engine opens, those that the description gives a hash of. */
  readonly hashes: Readonly<Record<string, string>>
  readonly image: ImageSettings | undefined
  /** Real paths of all files that it is made of, its description first: when one changes, it is another model. */
  readonly parts: readonly string[]
}

/**
 * Reads the description of the model in `directory`.
 *
 * @throws {LumosError} `MODEL_INVALID`, saying what is wrong.
 */
export async function readModel(directory: string): Promise<FoundModel> {
  const description = await readDescription(directory)
  const { onnx } = description.runtimes
  const graphs = onnx?.available ? onnx.files.filter(file => file.endsWith('.onnx')) : []
  if (graphs.length !== 1) throw invalid(`one ONNX graph is needed, and ${graphs.length} are listed`)

  const image = imageSettings(description)
  const own = await realpath(directory)
  const folder = await repositoryOf(own)
  const parts = [join(own, MODEL_INFO)]
  const hashes: [file: string, hash: string][] = []
  for (const file of onnx!.files) {
    const path = await fileIn(own, file, folder)
    parts.push(path)
    if (Object.hasOwn(description.sha256, file))
      hashes.push([relative(folder, path), description.sha256[file]!])
  }
  return {
    description,
    tasks: image === undefined ? [tensor.name] : [imageClassification.name, tensor.name],
    folder,
    file: relative(folder, await fileIn(own, graphs[0]!, folder)),
    hashes: Object.fromEntries(hashes),
    image,
    parts
  }
}

async function readDescription(directory: string): Promise<ModelDescription> {
  const path = join(directory, MODEL_INFO)
  const { size } = await stat(path).catch(async (err: NodeJS.ErrnoException) => {
    if (err.code !== 'ENOENT') throw invalid(`${MODEL_INFO} is not readable: ${err.code}`)
    throw invalid(await whyNoDescription(directory))
  })
  if (size > INFO_BYTES_MAX) throw invalid(`${MODEL_INFO} is larger than ${INFO_BYTES_MAX} bytes`)

  let json: unknown
  try {
    json = JSON.parse(decodeText(await readFile(path)))
  } catch (err) {
    throw invalid(`${MODEL_INFO} is no JSON: ${(err as Error).message}`)
  }

  const result = ModelDescription.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  throw invalid(`${issue.path.join('.')}: ${issue.message}`)
}

/** What the engine needs to classify pictures, when that is the model's task. */
function imageSettings(description: ModelDescription): ImageSettings | undefined {
  const { task, inputs, outputs, labels, preprocessing } = description
  if (task !== imageClassification.name) return undefined
  if (inputs.length !== 1 || outputs.length === 0 || labels === undefined || preprocessing === undefined) {
    throw invalid('image-classification needs one input, an output, labels and preprocessing')
  }

  const channels = preprocessing.color === 'gray' ? 1 : 3
  const mean = preprocessing.mean ?? Array<number>(channels).fill(0)
  const std = preprocessing.std ?? Array<number>(channels).fill(1)
  if (mean.length !== channels || std.length !== channels || std.includes(0)) {
    throw invalid(`preprocessing: mean and std need ${channels} values each, and no std of 0`)
  }
  return { ...preprocessing, mean, std, labels, input: inputs[0]!.name, output: outputs[0]!.name }
}

/**
 * The folder that holds the files of the model at `own`: the hub of Hugging Face keeps them in `blobs`, and links to
 * them in `snapshots/REVISION`. A model cannot choose this: both names are above its own folder.
 */
async function repositoryOf(own: string): Promise<string> {
  const repository = dirname(dirname(own))
  const blobs = await realpath(join(repository, BLOBS)).catch(() => undefined)
  return basename(dirname(own)) === 'snapshots' && blobs === join(repository, BLOBS) ? repository : own
}

/** The real path of a file of the model; a link must not lead out of its directory, but to a blob of its repository. */
async function fileIn(root: string, name: string, repository: string): Promise<string> {
  const path = await realpath(join(root, name)).catch(() => undefined)
  if (path === undefined) throw invalid(`the file ${name} is missing`)
  const isBlob = repository !== root && path.startsWith(join(repository, BLOBS) + sep)
  if (!isBlob && !path.startsWith(root + sep))
    throw invalid(`the file ${name} leads out of the model's directory`)
  if (!(await isFile(path))) throw invalid(`${name} is no file`)
  return path
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    stats => stats.isFile(),
    () => false
  )

const invalid = (reason: string): LumosError => new LumosError('MODEL_INVALID', `${reason}.`)
