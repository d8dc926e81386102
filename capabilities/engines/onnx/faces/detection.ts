/** Faces by SCRFD: at each place of three grids, a score, a box and five points, for two anchors. */

import { EngineFailedError } from '../../../../interface/errors.ts'
import { FACES_MAX } from '../../../../interface/limits.ts'
import { type Box, overlapOf } from '../../pictures/detection.ts'
import type { Point } from '../geometry.ts'
import type { Numbers } from '../picture-graph.ts'
import { fromAligned } from './alignment.ts'

export interface Face {
  readonly box: Box
  /** Two eyes, the nose, two corners of the mouth. */
  readonly points: readonly Point[]
  readonly score: number
}

/** Pixels between the places of each grid. */
export const STRIDES = [8, 16, 32] as const
const ANCHORS = 2
/** Numbers that an anchor has of each kind, by which the outputs are told apart. */
const SCORE = 1
const BOX = 4
const POINTS = 10
/** As InsightFace has them. */
const FACE_MIN = 0.5
const OVERLAP_MAX = 0.4
/** Of anchors, the surest that are compared with one another: a face has some ten, and a graph may find faces everywhere. */
const CANDIDATES_MAX = 4096

/**
 * @param side of the square picture that the graph was given.
 * @returns in pixels of that picture, surest first.
 * @throws {EngineFailedError} where the outputs are not nine of the right numbers.
 */
export function facesIn(outputs: readonly Numbers[], side: number): Face[] {
  const candidates = STRIDES.flatMap(stride => {
    const anchors = (side / stride) ** 2 * ANCHORS
    const [scores, boxes, points] = [SCORE, BOX, POINTS].map(numbers => numbersOf(outputs, anchors, numbers))
    const faces: Face[] = []
    for (let anchor = 0; anchor < anchors; anchor++) {
      if (!(scores![anchor]! >= FACE_MIN)) continue
      const place = Math.floor(anchor / ANCHORS)
      const row = Math.floor(place / (side / stride))
      const at: Point = [(place - row * (side / stride)) * stride, row * stride]
      faces.push({
        score: Math.min(scores![anchor]!, 1),
        box: boxAt(at, boxes!.subarray(anchor * BOX, (anchor + 1) * BOX), stride),
        points: pointsAt(at, points!.subarray(anchor * POINTS, (anchor + 1) * POINTS), stride)
      })
    }
    return faces
  })
  const first = candidates.toSorted((a, b) => b.score - a.score).slice(0, CANDIDATES_MAX)
  const faces: Face[] = []
  for (const face of first) {
    if (faces.length === FACES_MAX) break
    // Five points at one place are no face, and cannot be aligned.
    if (fromAligned(face.points) === undefined) continue
    if (faces.every(({ box }) => overlapOf(box, face.box) <= OVERLAP_MAX)) faces.push(face)
  }
  return faces
}

/** The output with so many numbers for each of the anchors of one grid: graphs differ in names, order and a batch of 1. */
function numbersOf(outputs: readonly Numbers[], anchors: number, numbers: number): Float32Array {
  const found = outputs.filter(
    ({ dims }) =>
      dims.at(-1) === numbers && dims.reduce((product, dim) => product * dim, 1) === anchors * numbers
  )
  if (found.length === 1) return found[0]!.data
  throw new EngineFailedError(
    `The detection graph answered ${outputs.map(({ dims }) => `[${dims}]`).join(' ')}; one of [${anchors},${numbers}] is needed.`
  )
}

type Four = [number, number, number, number]

/** A graph says how far the sides are from the place, in strides: left, above, right, below. */
function boxAt([x, y]: Point, distances: Float32Array, stride: number): Box {
  const [left, above, right, below] = Array.from(distances, distance => distance * stride) as Four
  const [xmin, ymin] = [x - left, y - above]
  return [xmin, ymin, Math.max(x + right, xmin), Math.max(y + below, ymin)]
}

const pointsAt = ([x, y]: Point, offsets: Float32Array, stride: number): Point[] =>
  Array.from({ length: POINTS / 2 }, (_, i) => [
    x + offsets[2 * i]! * stride,
    y + offsets[2 * i + 1]! * stride
  ])
