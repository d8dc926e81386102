/** Finds faces and compares them, with two graphs of InsightFace: SCRFD and ArcFace. */

import type { InferenceSession } from 'onnxruntime-node'
import { EngineFailedError, InvalidInputError, LumosError } from '../../../../interface/errors.ts'
import type { AbortOptions } from '../../../../interface/lifecycle.ts'
import { FACE_NUMBERS_MAX } from '../../../../interface/limits.ts'
import type { TaskInput, TaskOutput, TaskParams } from '../../../../interface/tasks/index.ts'
import type { Doing } from '../../doing.ts'
import type { Box } from '../../pictures/detection.ts'
import { type Pixels, pixelsOf } from '../../pictures/picture.ts'
import { resized } from '../../pictures/resize.ts'
import { BATCH_ROWS_MAX } from '../graph-batches.ts'
import { checkPictureGraph, PictureBatches, type Planes, runOnPicture } from '../picture-graph.ts'
import { AS_IT_IS, type Colours, warp } from '../warp.ts'
import { ALIGNED_SIDE, cosine, fromAligned, unit } from './alignment.ts'
import { type Face, facesIn, STRIDES } from './detection.ts'

export interface FaceSettings {
  readonly form: 'faces'
  /** Faces that are run together at most, as the owner has set it. */
  readonly batch?: number
}

/** Of the picture that faces are looked for in, where the graph leaves it open. */
const SEARCHED_SIDE = 640
/** A graph that wants larger pictures than this takes minutes. */
const SEARCHED_SIDE_MAX = 2048

const SEARCHED: Colours = { order: 'RGB', mean: [127.5, 127.5, 127.5], std: [128, 128, 128] }
const BLACK = -127.5 / 128
const EMBEDDED: Colours = { order: 'RGB', mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] }
const ALIGNED = { width: ALIGNED_SIDE, height: ALIGNED_SIDE }

interface Graphs {
  readonly detection: InferenceSession
  readonly side: number
  /** Absent: faces are found, and not compared. */
  readonly embedding: PictureBatches | undefined
}

/** @throws {LumosError} `MODEL_INVALID` when a graph takes something else than pictures of faces. */
export function openFaces(
  { detection, embedding }: Readonly<Record<string, InferenceSession>>,
  { batch }: FaceSettings
): Doing {
  checkPictureGraph(detection!)
  if (embedding !== undefined) checkPictureGraph(embedding)
  const graphs: Graphs = {
    ...{ detection: detection!, side: sideOf(detection!) },
    embedding: embedding && new PictureBatches(embedding, batch)
  }
  return {
    'face-detection': async (input, params, { signal }) => ({
      output: await detect(graphs, input, params, signal)
    }),
    'face-verification': async (input, params, { signal }) => ({
      output: await verify(graphs, input, params, signal)
    })
  }
}

function sideOf({ inputMetadata: [input] }: InferenceSession): number {
  const [, , height, width] = input?.isTensor ? input.shape : []
  if (typeof width !== 'number' || width < 0 || typeof height !== 'number' || height < 0) return SEARCHED_SIDE
  if (width === height && width % STRIDES[2] === 0 && width > 0 && width <= SEARCHED_SIDE_MAX) return width
  throw new LumosError(
    'MODEL_INVALID',
    `The detection graph takes ${width} by ${height} pixels; it must be a square, in steps of ${STRIDES[2]} up to ${SEARCHED_SIDE_MAX}.`
  )
}

async function detect(
  graphs: Graphs,
  { image }: TaskInput<'face-detection'>,
  { embeddings: wanted }: TaskParams<'face-detection'>,
  signal?: AbortSignal
): Promise<TaskOutput<'face-detection'>> {
  if (wanted && graphs.embedding === undefined) throw comparesNone()
  const picture = await pixelsOf(image, { color: 'rgb', background: 'white', signal })
  signal?.throwIfAborted()
  const found = await facesOf(picture, graphs)
  const faces = found.map(face => within(picture, face))
  if (!wanted || faces.length === 0) return { faces }

  const vectors = await embeddingsOf(picture, found, graphs, { signal })
  const all = Float32Array.from(vectors.flatMap(vector => [...vector]))
  return { faces, dimensions: vectors[0]!.length, embeddings: new Uint8Array(all.buffer) }
}

async function verify(
  graphs: Graphs,
  { images }: TaskInput<'face-verification'>,
  { threshold }: TaskParams<'face-verification'>,
  signal?: AbortSignal
): Promise<TaskOutput<'face-verification'>> {
  const vectors: Float32Array[] = []
  for (const [i, image] of images.entries()) {
    const field = `input.images.${i}`
    const picture = await pixelsOf(image, { color: 'rgb', background: 'white', signal }, field)
    signal?.throwIfAborted()
    const [largest] = (await facesOf(picture, graphs)).toSorted((a, b) => areaOf(b) - areaOf(a))
    if (largest === undefined) {
      throw new InvalidInputError(`${field} shows no face.`, { details: { field } })
    }
    signal?.throwIfAborted()
    vectors.push(...(await embeddingsOf(picture, [largest], graphs, { signal })))
  }
  const similarity = cosine(vectors[0]!, vectors[1]!)
  return { similarity, same: similarity >= threshold }
}

const areaOf = ({ box: [left, top, right, bottom] }: Face): number => (right - left) * (bottom - top)

/** In pixels of the picture. It stands at the left and above in the square that the graph is given; the rest is black. */
async function facesOf(picture: Pixels, { detection, side }: Graphs): Promise<Face[]> {
  const scale = Math.max(picture.width, picture.height) / side
  const small = await resized(picture, {
    width: Math.max(1, Math.round(picture.width / scale)),
    height: Math.max(1, Math.round(picture.height / scale))
  })
  const sheet = {
    ...{ width: side, height: side },
    ...{ shownWidth: small.width, shownHeight: small.height, behind: BLACK }
  }
  const found = facesIn(
    await runOnPicture(detection, { ...sheet, data: warp(small, AS_IT_IS, sheet, SEARCHED) }),
    side
  )
  return found.map(({ box, points, score }) => ({
    score,
    box: box.map(side => side * scale) as unknown as Box,
    points: points.map(([x, y]) => [x * scale, y * scale])
  }))
}

/** Of length 1. A crowd has hundreds of faces: no more of them are cut out at once than are run together. */
async function embeddingsOf(
  picture: Pixels,
  faces: readonly Face[],
  { embedding }: Graphs,
  options: AbortOptions
): Promise<Float32Array[]> {
  if (embedding === undefined) throw comparesNone()
  const vectors: Float32Array[] = []
  for (let at = 0; at < faces.length; at += BATCH_ROWS_MAX) {
    const aligned = faces.slice(at, at + BATCH_ROWS_MAX).map(face => alignedIn(picture, face))
    for (const [said] of await embedding.all(aligned, options)) {
      const vector = said!.data.length <= FACE_NUMBERS_MAX ? unit(said!.data) : undefined
      if (vector === undefined)
        throw new EngineFailedError(
          `The embedding graph answered [${said!.dims}], which is no vector with a length.`
        )
      vectors.push(vector)
    }
  }
  return vectors
}

function alignedIn(picture: Pixels, { points }: Face): Planes {
  const toPicture = fromAligned(points)
  // Such faces are left out where they are found.
  if (toPicture === undefined) throw new EngineFailedError('A face cannot be aligned by its five points.')
  return { ...ALIGNED, data: warp(picture, toPicture, ALIGNED, EMBEDDED) }
}

const comparesNone = (): InvalidInputError =>
  new InvalidInputError('This model finds faces and has no graph to compare them with.')

/** In whole pixels within the picture: a face at its edge is cut by it. */
function within({ width, height }: Pixels, { box: [left, top, right, bottom], points, score }: Face) {
  const pixels = (value: number, most: number): number => Math.round(Math.min(Math.max(value, 0), most))
  return {
    box: {
      xmin: pixels(left, width),
      ymin: pixels(top, height),
      xmax: pixels(right, width),
      ymax: pixels(bottom, height)
    },
    points: points.map(([x, y]): [number, number] => [pixels(x, width), pixels(y, height)]),
    score
  }
}
