/**
 * Lines of text in a picture, by a map that says of each place how surely text is there.
 * As PP-OCR has it (differentiable binarization), with its own thresholds.
 */

import { EngineFailedError } from '../../../../interface/errors.ts'
import { LINES_MAX } from '../../../../interface/limits.ts'
import { distance, grown, type Point, type Quad, smallestRectangle } from '../geometry.ts'
import type { Numbers } from '../picture-graph.ts'

/** A place with more than this belongs to a line. */
const TEXT_MIN = 0.3
/** Of the places within a line, the mean. */
const LINE_MIN = 0.6
/** The map shows the middle of a line; its rectangle grows by this times its area through its outline. */
const UNCLIP = 1.5
/** Of a line in the map: less is noise. */
const SIDE_MIN = 3

/** What belongs together in the map. */
interface Region {
  /** Leftmost and rightmost places of each row: the others lie between them, so the hull is the same. */
  readonly ends: Point[]
  count: number
  sum: number
}

/** @returns rectangles in places of the map. */
export function linesIn(
  { dims, data }: Numbers,
  { width, height }: { readonly width: number; readonly height: number }
): Quad[] {
  if (dims.join() !== [1, 1, height, width].join()) {
    throw new EngineFailedError(
      `The detection graph answered [${dims}] to a picture of ${width} by ${height}.`
    )
  }
  // Of too many, the largest are read.
  return regionsIn(data, width, height)
    .toSorted((a, b) => b.count - a.count)
    .slice(0, LINES_MAX)
    .map(lineOf)
    .filter(quad => quad !== undefined)
}

function lineOf({ ends, count, sum }: Region): Quad | undefined {
  if (sum / count < LINE_MIN) return undefined
  const quad = smallestRectangle(ends)
  const [width, height] = sidesOf(quad)
  if (Math.min(width, height) < SIDE_MIN) return undefined
  return grown(quad, (width * height * UNCLIP) / (2 * (width + height)))
}

export const sidesOf = (quad: Quad): [width: number, height: number] => [
  distance(quad[0], quad[1]),
  distance(quad[1], quad[2])
]

/** Places of text that touch, also by a corner. */
function regionsIn(map: Float32Array, width: number, height: number): Region[] {
  const regions: Region[] = []
  const seen = new Uint8Array(width * height)
  const waiting: number[] = []
  const visit = (place: number): void => {
    if (seen[place] === 1 || !(map[place]! > TEXT_MIN)) return
    seen[place] = 1
    waiting.push(place)
  }
  for (let start = 0; start < map.length; start++) {
    visit(start)
    if (waiting.length === 0) continue
    const rows = new Map<number, [left: number, right: number]>()
    const region: Region = { ends: [], count: 0, sum: 0 }
    for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
      const x = place % width
      const y = (place - x) / width
      region.count++
      region.sum += map[place]!
      const row = rows.get(y)
      rows.set(y, row === undefined ? [x, x] : [Math.min(row[0], x), Math.max(row[1], x)])
      for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, height - 1); row++) {
        for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, width - 1); column++) {
          visit(row * width + column)
        }
      }
    }
    if (region.count < SIDE_MIN * SIDE_MIN) continue
    // A place is a square, so its corners count.
    for (const [y, [left, right]] of rows) {
      region.ends.push([left, y], [right + 1, y], [left, y + 1], [right + 1, y + 1])
    }
    regions.push(region)
  }
  return regions
}
