/** Parts of a picture, turned and sized as a graph takes them. */

import type { Pixels } from '../pictures/picture.ts'
import { type Affine, apply } from './geometry.ts'

/** Samples of each pixel along one side: a part that is made more than this many times smaller loses detail. */
const SAMPLES_MAX = 8

/** How a graph takes the three colours of a pixel. */
export interface Colours {
  readonly order: 'RGB' | 'BGR'
  /** A value of 0 to 255 becomes `(value - mean) / std`; by colour, in the graph's order. */
  readonly mean: readonly [number, number, number]
  readonly std: readonly [number, number, number]
}

export interface Sheet {
  readonly width: number
  readonly height: number
  /** Columns and rows that show the picture. */
  readonly shownWidth?: number
  readonly shownHeight?: number
  /** What the others hold; 0 by default. */
  readonly behind?: number
}

/** The whole picture in its own size. */
export const AS_IT_IS: Affine = [1, 0, 0, 0, 1, 0]

/**
 * Plane by plane, each pixel the mean of the places of the picture that it covers.
 *
 * @param toPicture from a place on the sheet to one in the picture; pixels have their places at their centres.
 */
export function warp(picture: Pixels, toPicture: Affine, sheet: Sheet, colours: Colours): Float32Array {
  const { width, height, shownWidth = width, shownHeight = height, behind = 0 } = sheet
  const plane = width * height
  const values = new Float32Array(3 * plane).fill(behind)
  const [a, b, , d, e] = toPicture
  const samples = Math.max(1, Math.min(SAMPLES_MAX, Math.round(Math.max(Math.hypot(a, d), Math.hypot(b, e)))))
  const sum: [number, number, number] = [0, 0, 0]
  const from = colours.order === 'RGB' ? [0, 1, 2] : [2, 1, 0]
  for (let y = 0; y < shownHeight; y++) {
    for (let x = 0; x < shownWidth; x++) {
      sum.fill(0)
      for (let i = 0; i < samples * samples; i++) {
        const place = apply(toPicture, [
          x + ((i % samples) + 0.5) / samples,
          y + (Math.floor(i / samples) + 0.5) / samples
        ])
        addColours(picture, place[0] - 0.5, place[1] - 0.5, sum)
      }
      for (let channel = 0; channel < 3; channel++) {
        const value = sum[from[channel]!]! / (samples * samples)
        values[channel * plane + y * width + x] = (value - colours.mean[channel]!) / colours.std[channel]!
      }
    }
  }
  return values
}

/** Between the four nearest pixels; outside the picture, that of its edge. */
function addColours({ data, width, height }: Pixels, px: number, py: number, sum: number[]): void {
  const x = Math.min(Math.max(px, 0), width - 1)
  const y = Math.min(Math.max(py, 0), height - 1)
  const left = Math.floor(x)
  const top = Math.floor(y)
  const right = Math.min(left + 1, width - 1)
  const bottom = Math.min(top + 1, height - 1)
  const [fx, fy] = [x - left, y - top]
  for (let channel = 0; channel < 3; channel++) {
    const at = (column: number, row: number): number => data[(row * width + column) * 3 + channel]!
    const above = at(left, top) * (1 - fx) + at(right, top) * fx
    const below = at(left, bottom) * (1 - fx) + at(right, bottom) * fx
    sum[channel]! += above * (1 - fy) + below * fy
  }
}
