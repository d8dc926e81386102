/** From what a detection graph says of a picture to the objects in it. Pure: its numbers may be anything. */

import { EngineFailedError } from '../../../interface/errors.ts'
import { OBJECTS_MAX } from '../../../interface/limits.ts'
import type { Fitting } from './picture.ts'

/** Boxes that compete; a graph looks at some ten thousand places, and each pair may be compared. */
const CANDIDATES_MAX = 3000

/** Left, top, right, bottom. */
export type Box = readonly [number, number, number, number]

/** A box in pixels of what the graph was given. */
export interface Candidate {
  readonly label: number
  readonly score: number
  readonly box: Box
}

/** A tensor, as far as it is read here. */
export interface Values {
  readonly data: Float32Array
  readonly dims: readonly number[]
}

export interface Size {
  readonly width: number
  readonly height: number
}

/**
 * DETR: for each place a logit of each label and of "nothing", which is the last, and a box as its middle and its size,
 * in parts of the picture. No two places say the same.
 */
export function fromDetr(logits: Values, boxes: Values, labels: number, input: Size): Candidate[] {
  const places = logits.dims[1]!
  mustBe(logits, [1, places, labels + 1])
  mustBe(boxes, [1, places, 4])
  const candidates: Candidate[] = []
  for (let place = 0; place < places; place++) {
    const row = logits.data.subarray(place * (labels + 1), (place + 1) * (labels + 1))
    const largest = row.reduce((a, b) => Math.max(a, b))
    const sum = row.reduce((total, logit) => total + Math.exp(logit - largest), 0)
    const label = largestOf(row.subarray(0, labels))
    const [x, y, width, height] = boxes.data.subarray(place * 4) as unknown as Box
    const parts: Box = [x * input.width, y * input.height, width * input.width, height * input.height]
    candidates.push({ label, score: Math.exp(row[label]! - largest) / sum, box: boxAround(parts) })
  }
  return candidates
}

/**
 * YOLO: for each place a box as its middle and its size, in pixels, and a score of each label. Version 5 and its kin have
 * place by place, and before the scores one of "something"; version 8 and its kin have number by number.
 */
export function fromYolo(values: Values, labels: number, version: 5 | 8): Candidate[] {
  const columns = version === 5 ? 5 + labels : 4 + labels
  const places = values.dims[version === 5 ? 1 : 2]!
  mustBe(values, version === 5 ? [1, places, columns] : [1, columns, places])
  const at = (place: number, column: number): number =>
    values.data[version === 5 ? place * columns + column : column * places + place]!
  const candidates: Candidate[] = []
  for (let place = 0; place < places; place++) {
    let label = 0
    for (let other = 1; other < labels; other++) {
      if (at(place, columns - labels + other) > at(place, columns - labels + label)) label = other
    }
    const score = at(place, columns - labels + label) * (version === 5 ? at(place, 4) : 1)
    const box = boxAround([at(place, 0), at(place, 1), at(place, 2), at(place, 3)])
    candidates.push({ label, score: Math.min(1, Math.max(0, score)), box })
  }
  return candidates
}

/** The candidates of at least this score that are worth a look, the most certain first. */
export const certain = (candidates: readonly Candidate[], threshold: number): Candidate[] =>
  candidates
    .filter(
      ({ score, box: [left, top, right, bottom] }) => score >= threshold && left < right && top < bottom
    )
    .sort((a, b) => b.score - a.score)
    .slice(0, CANDIDATES_MAX)

/** Of boxes of one label that cover each other by more than `overlap`, the most certain alone. @param sorted the most certain first. */
export function suppressed(sorted: readonly Candidate[], overlap: number): Candidate[] {
  const kept: Candidate[] = []
  for (const candidate of sorted) {
    const isCovered = kept.some(
      ({ label, box }) => label === candidate.label && overlapOf(box, candidate.box) > overlap
    )
    if (!isCovered) kept.push(candidate)
    if (kept.length === OBJECTS_MAX) break
  }
  return kept
}

/** What two boxes share, as a part of what they cover together. */
export function overlapOf(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0])
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1])
  if (width <= 0 || height <= 0) return 0
  const shared = width * height
  return shared / (areaOf(a) + areaOf(b) - shared)
}

/** A box in pixels of the picture, of which the graph saw what `fitting` made; undefined when it lies outside. */
export function placed(
  box: Box,
  picture: Size,
  { width, height, fit }: Omit<Fitting, 'kernel'>
): Box | undefined {
  const across = width / picture.width
  const down = height / picture.height
  const both = fit === 'contain' ? Math.min(across, down) : Math.max(across, down)
  const [x, y] = fit === 'fill' ? [across, down] : [both, both]
  // What is left over is cut, or filled, on both sides alike.
  const left = (width - picture.width * x) / 2
  const top = (height - picture.height * y) / 2
  const within = (value: number, size: number) => Math.min(size, Math.max(0, value))
  const found: Box = [
    within((box[0] - left) / x, picture.width),
    within((box[1] - top) / y, picture.height),
    within((box[2] - left) / x, picture.width),
    within((box[3] - top) / y, picture.height)
  ]
  return found[0] < found[2] && found[1] < found[3] ? found : undefined
}

const boxAround = ([x, y, width, height]: Box): Box => [
  x - width / 2,
  y - height / 2,
  x + width / 2,
  y + height / 2
]

const areaOf = ([left, top, right, bottom]: Box): number => (right - left) * (bottom - top)

function largestOf(values: Float32Array): number {
  let largest = 0
  for (let at = 1; at < values.length; at++) if (values[at]! > values[largest]!) largest = at
  return largest
}

function mustBe({ data, dims }: Values, wanted: readonly number[]): void {
  if (dims.join() !== wanted.join()) {
    throw new EngineFailedError(`The graph answered [${dims}] where [${wanted}] is read.`)
  }
  for (const value of data) {
    if (!Number.isFinite(value)) throw new EngineFailedError(`The graph answered ${value} for a number.`)
  }
}
