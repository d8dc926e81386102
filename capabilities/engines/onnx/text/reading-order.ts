/** In which order a person reads the lines of a page, however the page is turned. */

import { centre, distance, type Point, type Quad } from '../geometry.ts'

/** Lines whose middles are nearer to each other than this, in heights of a line, stand beside each other. */
const ROW = 0.5

/** Row by row, each from where its text begins. */
export function inReadingOrder<T extends { readonly quad: Quad }>(lines: readonly T[]): T[] {
  const [ux, uy] = directionOf(lines)
  const placed = lines
    .map(line => {
      const [x, y] = centre(line.quad)
      const height = distance(line.quad[1], line.quad[2])
      return { line, along: x * ux + y * uy, down: y * ux - x * uy, height }
    })
    .toSorted((a, b) => a.down - b.down)

  const rows: (typeof placed)[] = []
  for (const one of placed) {
    const row = rows.at(-1)
    const last = row?.at(-1)
    if (last !== undefined && one.down - row![0]!.down < ROW * Math.min(last.height, one.height))
      row!.push(one)
    else rows.push([one])
  }
  return rows.flatMap(row => row.toSorted((a, b) => a.along - b.along).map(({ line }) => line))
}

/** In which direction most of the text runs; long lines count more. */
function directionOf(lines: readonly { readonly quad: Quad }[]): Point {
  let [x, y] = [0, 0]
  for (const { quad } of lines) {
    x += quad[1][0] - quad[0][0]
    y += quad[1][1] - quad[0][1]
  }
  const length = Math.hypot(x, y)
  return length < 1e-6 ? [1, 0] : [x / length, y / length]
}
