/**
 * What `model_info.json` says of the model in its folder.
 *
 * The files come from anywhere, so a description is data to be checked: it may
 * name only plain files inside its own directory.
 */

import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { decodeText } from '../../interface/decode-text.ts'
import { LumosError } from '../../interface/errors.ts'
import { ModelId } from '../../interface/names.ts'
import { MODEL_INFO } from './strays.ts'

/** Labels of the largest image sets fit; a description is not a place for data. */
export const INFO_BYTES_MAX = 1024 * 1024
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
export const ModelDescription = z.object({
  name: ModelId,
  version: z.string().max(64),
  description: z.string().max(4096),
  model_type: z.string().max(64),
  embedding_dim: z.int().positive().optional(),
  runtimes: z.object({
    torch: Files.optional(),
    onnx: Files.optional(),
    /** A program of the owner: `engine` is its name in the settings, and a command has no place here. */
    external: Files.extend({ engine: z.string().max(64) }).optional(),
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
      resample: z.enum(['linear', 'cubic']).default('linear'),
      color: z.enum(['gray', 'rgb']).default('rgb'),
      background: z.enum(['black', 'white']).default('white'),
      layout: z.enum(['NCHW', 'NHWC']).default('NCHW'),
      range: z.tuple([z.number(), z.number()]).default([0, 1]),
      mean: Channels.optional(),
      std: Channels.optional()
    })
    .optional(),
  /** Of a model of type `clip`. */
  clip: z
    .object({
      prompt: z.string().max(256).includes('{}').default('a photo of a {}'),
      logit_scale: z.number().positive().max(1000).default(100),
      max_tokens: z.int().min(1).max(4096).default(77)
    })
    .prefault({}),
  /** Of a model that finds objects: what its outputs mean. */
  detection: z
    .object({
      form: z.enum(['detr', 'yolov5', 'yolov8']),
      overlap: z.number().min(0).max(1).default(0.45)
    })
    .optional(),
  /** Of a model that finds speech: how it takes a recording. Numbers are samples. */
  voice_activity: z
    .object({
      sample_rate: z.int().min(4000).max(48_000),
      window: z.int().min(64).max(16_384),
      /** Those before a window that are given with it. */
      context: z.int().min(0).max(16_384).default(0)
    })
    .optional(),
  /** Hashes of files, lower-case hex. */
  sha256: z.record(FileName, z.string().regex(/^[0-9a-f]{64}$/)).default({})
})
export type ModelDescription = z.infer<typeof ModelDescription>

/**
 * The description in `directory`; undefined where there is none.
 *
 * @throws {LumosError} `MODEL_INVALID`, saying what is wrong.
 */
export async function readDescription(directory: string): Promise<ModelDescription | undefined> {
  const path = join(directory, MODEL_INFO)
  const stats = await stat(path).catch((err: NodeJS.ErrnoException) => {
    if (err.code === 'ENOENT') return undefined
    throw invalid(`${MODEL_INFO} is not readable: ${err.code}`)
  })
  if (stats === undefined) return undefined
  if (stats.size > INFO_BYTES_MAX) throw invalid(`${MODEL_INFO} is larger than ${INFO_BYTES_MAX} bytes`)

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

/** Of a model on disk: what is wrong with it. */
export const invalid = (reason: string): LumosError => new LumosError('MODEL_INVALID', `${reason}.`)
